"""A process with contexts in two domains: it is killed as one, and comes back once, in both."""

import os
import pathlib
import signal

import pytest

from looking import heard

KILLS = 3
FURTHER = 150  # numbers between kills


def bridges(domain):
    """The pids of the living processes with that role."""
    for entry in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            if b'peers.py\0bridge\0' in (entry / 'cmdline').read_bytes() and domain.folder.encode() in (entry / 'environ').read_bytes():
                yield int(entry.name)
        except OSError:
            pass  # it has ended, or is another user's


@pytest.mark.once
@pytest.mark.parametrize('engine,has_node_at_home', [('criu', True), ('criu', False), ('none', True)])
def test_a_process_in_several_domains_comes_back_once_and_misses_nothing(domain, domain_id, engine, has_node_at_home):
    if engine == 'criu' and 'RMW_CKPT_CRIU' not in os.environ:
        pytest.skip('CRIU cannot run here')
    settings = {'RMW_CKPT_ENGINE': engine, 'RMW_CKPT_INTERVAL': '0.5'}
    first = {**settings, 'ROS_DOMAIN_ID': str(domain_id if has_node_at_home else domain_id + 101)}
    second = {**settings, 'ROS_DOMAIN_ID': str(domain_id + 100)}
    there = domain.start('listener', '/there', '/back', **second)
    back = domain.start('listener', '/back', **first)
    bridge = domain.start('bridge', first['ROS_DOMAIN_ID'], second['ROS_DOMAIN_ID'], **settings)
    domain.start('counter', **first)
    for kill in range(KILLS):
        back.wait_for_line(f'heard {(heard(back) or [0])[-1] + FURTHER}\n')
        pid, = bridges(domain)
        os.kill(pid, signal.SIGKILL)
        if kill == 0:
            bridge.process.wait()
    back.wait_for_line(f'heard {heard(back)[-1] + FURTHER}\n')
    assert len(list(bridges(domain))) == 1
    for peer in (there, back):
        numbers = heard(peer)
        assert numbers == list(range(1, len(numbers) + 1)), bridge.output()
