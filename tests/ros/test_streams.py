"""What recovered nodes say, while their launcher lives and when it has closed its ends of their pipes."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from conftest import HERE, PATIENCE, Peer, with_end


class Launched:
    """A talker under a launcher, and a listener; the talker is killed once and is back."""

    def __init__(self, domain, sigpipe):
        self.domain = domain
        self.console = pathlib.Path(domain.folder) / 'console'
        self.listener = domain.start('listener', '/there')
        with open(self.console, 'w') as errors:
            process = subprocess.Popen(
                [sys.executable, str(HERE / 'launcher.py'), sys.executable, str(HERE / 'peers.py'), 'talker', sigpipe],
                env=domain.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        self.launcher = Peer('launcher', process)
        domain.peers.append(self.launcher)
        self.launcher.wait_for_line('ready')
        self.heard(20)
        if 'RMW_CKPT_CRIU' in os.environ:
            # Not in the moment in which it catches up with a snapshot before.
            end = time.monotonic() + PATIENCE
            while subprocess.run(
                    ['rmw_ckpt', 'checkpoint', '/talker'], env=domain.environment, timeout=PATIENCE).returncode != 0:
                assert time.monotonic() < end
        pid = self.status()['pid']
        os.kill(pid, signal.SIGKILL)
        with_end(pid)

    def master(self, *arguments):
        return json.loads(subprocess.run(
            ['rmw_ckpt', *arguments, '--json'], env=self.domain.environment, check=True, capture_output=True, text=True,
            timeout=PATIENCE).stdout)

    def status(self):
        return next(x for x in self.master('status')['processes'] if x['nodes'] == ['/talker'])

    def heard(self, more):
        """Waits until the listener has heard so many more; returns the number of the last."""
        last = max((int(x.split()[1]) for x in list(self.listener.lines) if x.startswith('heard')), default=0)
        self.listener.wait_for_line(f'heard {last + more}\n')
        return last + more


@pytest.mark.once
@pytest.mark.parametrize('sigpipe', ['ignored', 'default'])
def test_a_reader_that_goes_late_is_not_the_end_of_a_recovered_node(domain, sigpipe):
    launched = Launched(domain, sigpipe)
    # It is back, and what it says still comes through the pipes.
    launched.launcher.wait_for_line(f'said {launched.heard(50)}\n')
    launched.launcher.process.stdin.write('close\n')
    launched.launcher.process.stdin.flush()
    launched.launcher.wait_for_line('closed')
    last = launched.heard(50)
    assert launched.status()['recoveries'] == 1
    # Its launcher has a console on which it would have shown it.
    pid = launched.status()['pid']
    os.kill(pid, signal.SIGINT)
    with_end(pid)
    assert all(x['state'] == 'left' for x in launched.master('status')['processes'] if x['pid'] == pid)
    console = launched.console.read_text()
    assert f'[/talker] said {last}\n' in console and f'logged {last}\n' in console
    assert sorted(set(map(heard_number, launched.listener.lines))) == list(map(heard_number, launched.listener.lines))


def heard_number(line):
    return int(line.split()[1]) if line.startswith('heard') else 0


@pytest.mark.once
def test_what_a_recovered_node_says_outlives_the_master_and_is_in_files_without_a_launcher(domain):
    launched = Launched(domain, 'default')
    launched.launcher.wait_for_line(f'said {launched.heard(10)}\n')
    master = launched.master('status')['master_pid']
    os.kill(master, signal.SIGKILL)
    with_end(master)
    launched.launcher.wait_for_line(f'said {launched.heard(50)}\n')
    launched.launcher.kill()
    last = launched.heard(50)
    status = launched.status()
    assert status['recoveries'] == 1
    output, errors = map(pathlib.Path, status['outputs'])
    assert f'output: {output}' in status['note']
    assert f'said {last}\n' in output.read_text() and f'logged {last}\n' in errors.read_text()
