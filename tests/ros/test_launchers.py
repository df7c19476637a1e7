"""Launchers over recovered nodes: who is started in place of one stands in for it; what they kill stays dead."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from conftest import HERE, Peer
from looking import heard

MANY = 100  # numbers

# As `ros2 launch` does, it waits for its children, and ends well after Ctrl-C.
LAUNCH = '''
import subprocess, sys
for child in [subprocess.Popen([sys.executable, sys.argv[1], *words.split()]) for words in sys.argv[2:]]:
    try:
        child.wait()
    except KeyboardInterrupt:
        child.wait()
'''


def with_command(domain, *words):
    """The pids of the domain's processes whose arguments contain these words, one after the other."""
    part = '\0'.join(words).encode() + b'\0'
    found = []
    for pid in domain._processes():
        try:
            if part in pathlib.Path(f'/proc/{pid}/cmdline').read_bytes():
                found.append(pid)
        except OSError:
            pass  # it has ended
    return found


def eventually(condition, what):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def command(domain, *words):
    return subprocess.run(['rmw_ckpt', *words], env=domain.environment, capture_output=True, text=True, timeout=60)


@pytest.mark.once
def test_what_is_started_in_place_of_a_killed_node_stands_in_for_it(domain):
    listener = domain.start('listener', '/there')
    first = domain.start('counter')
    listener.wait_for_line(f'heard {MANY}\n')
    first.kill()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for its background
    second = domain.start('counter', ready=False)
    signal.signal(signal.SIGINT, before)
    second.wait_for_line('stands in for it')
    listener.wait_for_line(f'heard {heard(listener)[-1] + MANY}\n')
    node, = with_command(domain, 'peers.py', 'counter')
    assert with_command(domain, 'run', '--adopt') == [second.pid] != [node]
    numbers = heard(listener)
    assert numbers == list(range(1, len(numbers) + 1))
    # The launcher's Ctrl-C reaches the node, and its child ends as the node does: well.
    second.stop(signal.SIGINT)
    assert not with_command(domain, 'peers.py', 'counter')


@pytest.mark.once
def test_ctrl_c_to_a_launcher_ends_what_it_has_seen_die(domain):
    launch = Peer('launch', subprocess.Popen(
        [sys.executable, '-c', LAUNCH, HERE / 'peers.py', 'listener /there', 'counter'], env=domain.environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True))
    domain.peers.append(launch)
    launch.wait_for_line(f'heard {MANY}\n')
    node, = with_command(domain, 'peers.py', 'counter')
    os.kill(node, signal.SIGKILL)
    launch.wait_for_line(f'heard {heard(launch)[-1] + MANY}\n')
    # A terminal's Ctrl-C is for the launcher's process group, in which the recovered node is no more.
    os.killpg(launch.pid, signal.SIGINT)
    launch.wait_for_end()
    eventually(lambda: not with_command(domain, 'peers.py', 'counter'), log(domain))
    assert 'is told to end: its launcher' in log(domain)


@pytest.mark.once
def test_a_kill_after_a_signal_that_was_handled_is_no_death(domain):
    listener = domain.start('listener', '/there')
    stubborn = domain.start('counter', 'stubborn')
    listener.wait_for_line(f'heard {MANY}\n')
    stubborn.process.send_signal(signal.SIGTERM)
    stubborn.wait_for_line('not yet')
    stubborn.kill()
    eventually(lambda: 'after it was asked to end' in log(domain), log(domain))
    assert not with_command(domain, 'peers.py', 'counter')


@pytest.mark.once
def test_after_all_were_killed_whoever_is_started_begins_anew(domain):
    peers = [domain.start('listener', '/there'), domain.start('counter')]
    peers[0].wait_for_line(f'heard {MANY}\n')
    master, = with_command(domain, 'master', '--domain')
    # Stopped first, for one that lives a moment longer than the master may start another.
    for how in (signal.SIGSTOP, signal.SIGKILL):
        for pid in (master, *(peer.pid for peer in peers)):
            os.kill(pid, how)
    for peer in peers:
        peer.process.wait(30)
    forgotten = command(domain, 'forget', '/counter')
    assert forgotten.stdout == '/counter is forgotten\n', forgotten.stderr
    assert command(domain, 'status').stdout.count('all of the domain were killed') == 1
    listener = domain.start('listener', '/there')
    assert 'all of the domain were killed' not in command(domain, 'status').stdout  # it has been replaced
    domain.start('counter')
    listener.wait_for_line(f'heard {MANY}\n')
    assert heard(listener)[0] == 1
    assert command(domain, 'stop', '--all').returncode == 0
    assert not with_command(domain, 'peers.py')


def log(domain):
    return pathlib.Path(domain.folder, domain.environment['ROS_DOMAIN_ID'], 'run', 'master.log').read_text()
