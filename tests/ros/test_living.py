"""Nodes that live go on, whatever becomes of the master, its journal and the folders."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

FURTHER = 100  # numbers
PATIENCE = 30  # s


def status(domain):
    """The master's process id and what it says of each node."""
    done = subprocess.run(
        ['rmw_ckpt', 'status', '--json'], env=domain.environment, capture_output=True, text=True, check=True, timeout=PATIENCE)
    said = json.loads(done.stdout)
    return said['master_pid'], {name: process for process in said['processes'] for name in process['nodes']}


def heard(peer):
    return [int(number) for number in re.findall(r'heard (\d+)', peer.output())]


def wait_for_more(peer):
    peer.wait_for_line(f'heard {(heard(peer) or [0])[-1] + FURTHER}\n')


def flip(folder):
    journal = folder / 'run' / 'registry.journal'
    data = bytearray(journal.read_bytes())
    data[60] ^= 4
    journal.write_bytes(data)


def remove_journal(folder):
    (folder / 'run' / 'registry.journal').unlink()
    shutil.rmtree(folder / 'state', ignore_errors=True)


def remove_all(folder):
    shutil.rmtree(folder)


@pytest.mark.once
@pytest.mark.parametrize('damage', [flip, remove_journal, remove_all])
def test_living_nodes_are_known_and_protected_after(domain, domain_id, damage):
    domain.environment['RMW_CKPT_INTERVAL'] = '0.5'
    last = domain.start('listener', '/back')
    relay = domain.start('listener', '/there', '/back', 'relay')
    domain.start('counter')
    wait_for_more(last)
    master, before = status(domain)
    damage(pathlib.Path(domain.folder) / str(domain_id))
    if damage is not remove_all:
        os.kill(master, signal.SIGKILL)

    wait_for_more(last)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            now, after = status(domain)
        except subprocess.CalledProcessError:
            now, after = master, {}
        protected = 'RMW_CKPT_CRIU' not in os.environ or all(x['last_checkpoint'] for x in after.values())
        if now != master and protected and len(after) == len(before):
            break
        assert time.monotonic() < end, f'{after}\n{relay.output()}'
        time.sleep(0.05)
    assert {name: (x['pid'], x['process'], x['slot']) for name, x in after.items()} == {
        name: (x['pid'], x['process'], x['slot']) for name, x in before.items()}
    domain.run('newcomer', 'counter', 'relay', 'listener')

    if 'RMW_CKPT_CRIU' in os.environ:
        relay.kill()
        wait_for_more(last)
        assert status(domain)[1]['/relay']['incarnation'] == 2
    numbers = heard(last)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
