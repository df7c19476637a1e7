"""What nodes that end by themselves are taken for."""

import json
import pathlib
import subprocess

import pytest

from conftest import PATIENCE


@pytest.mark.once
def test_a_node_that_fails_after_a_life_is_brought_back_and_one_that_ends_well_is_not(domain):
    listener = domain.start('listener', '/there')
    flag = pathlib.Path(domain.folder) / 'flag'
    failing = domain.start('failing', str(flag))
    # Six seconds; one that fails sooner had never worked.
    listener.wait_for_line('heard 300\n')
    flag.with_suffix('.new').write_text('raise')
    flag.with_suffix('.new').rename(flag)
    assert failing.process.wait(PATIENCE) == 1, failing.output()
    heard = [int(line.split()[1]) for line in listener.lines if line.startswith('heard')]
    listener.wait_for_line(f'heard {heard[-1] + 50}\n')
    while (process := status(domain))['state'] != 'live':
        assert process['recoveries'] == 1
    assert process['recoveries'] == 1
    assert 0 < process['last_silence'] and 0 < process['caught_up']
    flag.with_suffix('.new').write_text('exit')
    flag.with_suffix('.new').rename(flag)
    while (process := status(domain)) and process['state'] != 'left':
        assert process['recoveries'] == 1
    numbers = [int(line.split()[1]) for line in listener.lines if line.startswith('heard')]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def status(domain):
    """Of the node; None: it is not known any more."""
    done = subprocess.run(
        ['rmw_ckpt', 'status', '--json'], env=domain.environment, check=True, capture_output=True, text=True, timeout=PATIENCE)
    return next((x for x in json.loads(done.stdout)['processes'] if x['nodes'] == ['/failing']), None)
