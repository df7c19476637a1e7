"""All nodes of a domain killed and restarted together; each node's witness is judged: every message once, in order, none lost."""

import json
import os
import pathlib
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys

import pytest

from conftest import HERE, PATIENCE, Peer
from looking import status, wait_until

FURTHER = 50  # messages
SLOT, STATE, LIVE = 256, 28, 1  # of the process table
NAMES = ['/counter', '/listener', '/relay']

# Starts a node again as often as it ends, as `ros2 launch` does with respawn=True.
RESPAWN = '''
import subprocess, sys
while True:
    print('ended:', subprocess.run(sys.argv[1:]).returncode, flush=True)
'''


def command(domain, *words):
    return subprocess.run(['rmw_ckpt', *words], env=domain.environment, capture_output=True, text=True, timeout=2 * PATIENCE)


class Chain:
    """Listener, relay and counter, and what they have written down."""

    def __init__(self, domain, folder=HERE, before_counter=()):
        self.domain = domain
        self.folder = folder
        self.restarts = 0
        self.peers = [self._start('listener'), self._start('relay'), self._start('counter', *before_counter)]
        self.wait_for_more()

    def _start(self, role, *before):
        process = subprocess.Popen(
            [*before, sys.executable, str(self.folder / 'chain.py'), role, str(self._witness(role))], env=self.domain.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.domain.peers.append(Peer(role, process))
        return self.domain.peers[-1]

    def _witness(self, role):
        return pathlib.Path(self.domain.folder) / f'{role}.txt'

    def lines(self, role):
        path = self._witness(role)
        text = path.read_text() if path.exists() else ''
        return [tuple(map(int, line.split())) for line in text[:text.rfind('\n') + 1].splitlines()]

    def wait_for_more(self):
        enough = max(self.lines('listener'), default=(0,))[0] + FURTHER
        wait_until(lambda: max(self.lines('listener'), default=(0,))[0] >= enough, f'the listener to have heard {enough}')

    def kill(self):
        done = command(self.domain, 'kill')
        assert done.returncode == 0, done.stderr
        assert sorted(done.stdout.splitlines()) == [f'{name} is killed' for name in NAMES]
        self.collect()

    def collect(self):
        for peer in self.peers:
            if '-c' not in peer.process.args:  # a launcher does that itself
                peer.process.wait(PATIENCE)

    def restart(self, meanwhile=lambda: None):
        self.restarts += 1
        process = subprocess.Popen(
            ['rmw_ckpt', 'restart'], env=self.domain.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        meanwhile()
        said, complaints = process.communicate(timeout=2 * PATIENCE)
        assert process.returncode == 0, said + complaints
        assert sorted(line.split(' is live again, ')[0] for line in said.splitlines()) == NAMES, said

    def judge(self):
        """A line is the node's memory: so many messages, and the sum of that many numbers. A restart goes back, nothing is left out."""
        for role in ('listener', 'relay'):
            lines = self.lines(role)
            wrong = [(n, total) for n, total in lines if total != n * (n + 1) // 2]
            assert not wrong, f'{role} has these sums: {wrong[:5]}'
            steps = [(a, b) for (a, _), (b, _) in zip(lines, lines[1:]) if b != a + 1]
            assert all(b <= a for a, b in steps) and len(steps) <= self.restarts, f'{role} went on so: {steps}'
        numbers = [n for n, in self.lines('counter')]
        assert {*numbers} == {*range(1, max(numbers) + 1)}


def kill_master(domain):
    os.kill(status(domain)[0], signal.SIGKILL)


def live(domain):
    """How many processes are live, by the table as all have it mapped."""
    table = (pathlib.Path(domain.folder) / domain.environment['ROS_DOMAIN_ID'] / 'run' / 'table').read_bytes()
    return sum(struct.unpack_from('<I', table, at + STATE)[0] == LIVE for at in range(SLOT, len(table), SLOT))


@pytest.mark.once
@pytest.mark.parametrize('engine', ['criu', 'none'])
def test_a_chain_that_is_killed_and_restarted_misses_and_repeats_nothing(domain, engine):
    if engine == 'criu' and 'RMW_CKPT_CRIU' not in os.environ:
        pytest.skip('CRIU cannot run here')
    domain.environment['RMW_CKPT_ENGINE'] = engine
    chain = Chain(domain)
    if engine == 'criu':
        taken = command(domain, 'checkpoint')
        assert taken.returncode == 0, taken.stderr
        chain.wait_for_more()

    chain.kill()
    master, nodes = status(domain)
    assert [nodes[name]['state'] for name in NAMES] == ['killed'] * 3
    assert {*domain._processes()} == {master}
    chain.restart()
    chain.wait_for_more()

    # The next master finds on record what was killed.
    chain.kill()
    kill_master(domain)
    chain.restart()
    chain.wait_for_more()

    # The next master goes on with what the one before has begun.
    chain.kill()
    master = status(domain)[0]

    def kill_between():
        wait_until(lambda: live(domain), 'the first to be there again')
        os.kill(master, signal.SIGKILL)

    chain.restart(kill_between)
    chain.wait_for_more()
    assert status(domain)[0] != master
    chain.judge()


@pytest.mark.once
def test_what_does_not_come_back_as_it_was_is_named(domain):
    domain.environment['RMW_CKPT_ENGINE'] = 'none'
    program = pathlib.Path(domain.folder) / 'chain.py'
    for file in ('chain.py', 'spinning.py'):
        shutil.copy(HERE / file, program.parent)
    process = subprocess.Popen(
        [sys.executable, program, 'listener', program.parent / 'witness'], env=domain.environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    domain.peers.append(Peer('listener', process))
    domain.peers[-1].wait_for_line('ready')
    assert command(domain, 'kill').returncode == 0
    process.wait(PATIENCE)
    program.write_text(program.read_text() + '# Not as it was.\n')
    done = command(domain, 'restart', '--json')
    assert done.returncode == 1, done.stderr
    outcome, = json.loads(done.stdout)
    assert (outcome['name'], outcome['done']) == ('/listener', False)
    assert 'chain.py has changed since it joined' in outcome['how'], outcome


@pytest.mark.once
def test_what_a_launcher_starts_in_place_of_a_killed_node_waits_for_the_restart(domain):
    chain = Chain(domain, before_counter=(sys.executable, '-c', RESPAWN))
    launcher = chain.peers[-1]
    chain.kill()
    launcher.wait_for_line('ended: -9')
    launcher.wait_for_line('/counter was killed (rmw_ckpt kill): this process waits for `rmw_ckpt restart`')
    assert status(domain)[1]['/counter']['state'] == 'killed'
    chain.restart()
    chain.wait_for_more()
    chain.judge()


@pytest.mark.once
def test_a_coordinator_obeys_on_terminals_and_pipes_and_by_option_and_may_be_killed(domain):
    node = domain.start('latched_publisher', 1)
    ours, its = pty.openpty()
    console = subprocess.Popen(
        ['rmw_ckpt', 'coordinator', '--interval', '1000'], env=domain.environment, stdin=its, stdout=its, stderr=its,
        start_new_session=True)
    os.close(its)
    said = b''

    def expect(text):
        nonlocal said
        while text not in said:
            assert select.select([ours], [], [], PATIENCE)[0], f'waited {PATIENCE} s for {text} after {said}'
            said += os.read(ours, 4096)
        said = said.split(text, 1)[1]

    try:
        for typed, answer in ((b'l', b'/latched'), (b'i', b'each 1000 s'), (b'x', b"no command 'x'"), (b'k', b'/latched is killed')):
            expect(b'rmw_ckpt> ')
            os.write(ours, typed + b'\n')
            expect(answer)
        node.process.wait(PATIENCE)
        console.kill()
        console.wait(PATIENCE)
    finally:
        os.close(ours)

    # Another one knows all that there is to know.
    piped = subprocess.run(
        ['rmw_ckpt', 'coordinator'], input='s\nr\n\ns\nq\nk\n', env=domain.environment, capture_output=True, text=True,
        timeout=2 * PATIENCE)
    assert piped.returncode == 0, piped.stderr
    before, restarted, after = piped.stdout.splitlines()
    assert 'processes: 1 killed; ' in before and restarted.startswith('/latched is live again, ')
    assert 'processes: 1 live; ' in after
    for one, expected in (('k', 0), ('x', 2)):
        assert command(domain, 'coordinator', '--command', one).returncode == expected, one
