"""Domains of their own for tests of real ROS 2 nodes under rmw_ckpt; run with a sourced install/DISTRO."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

import pytest

HERE = pathlib.Path(__file__).parent
PATIENCE = 30  # s; many times what is needed, for the machine may be busy
SYS_ADMIN = 1 << 21  # CAP_SYS_ADMIN


def is_administrator():
    """Whether this is root who may mount and give rights; a container's may not."""
    said = pathlib.Path('/proc/self/status').read_text().split('CapEff:')[1].split()[0]
    return os.geteuid() == 0 and int(said, 16) & SYS_ADMIN != 0


class Peer:
    """A process with a role of peers.py; its output is kept for the report."""

    def __init__(self, role, process):
        self.role = role
        self.process = process
        self.lines = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self.process.pid

    def wait_for_line(self, text, timeout=PATIENCE):
        """Waits until it has said a line that contains the text."""
        self.wait_for(lambda line: text in line, text, timeout)

    def wait_for(self, is_it, what, timeout=PATIENCE):
        """Waits until it has said such a line."""
        with self._changed:
            said = self._changed.wait_for(lambda: any(map(is_it, self.lines)) or self._ended(), timeout)
        if not said or not any(map(is_it, self.lines)):
            pytest.fail(f'{self.role} did not say "{what}":\n{self.output()}')

    def wait_for_end(self, timeout=PATIENCE):
        """Waits until it has ended, well."""
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            pytest.fail(f'{self.role} did not end in {timeout} s:\n{self.output()}')
        self._reader.join(timeout)
        assert status == 0, f'{self.role} ended with status {status}:\n{self.output()}'

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.wait_for_end()

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def output(self):
        return ''.join(self.lines)

    def _ended(self):
        return not self._reader.is_alive()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._reader = threading.current_thread()
            self._changed.notify_all()


class Domain:
    """A run folder and a ROS_DOMAIN_ID that nobody else has, and the processes in it."""

    def __init__(self, folder, domain_id):
        self.folder = folder
        self.environment = {
            **os.environ,
            'RMW_IMPLEMENTATION': 'rmw_ckpt',
            'RMW_CKPT_DIR': folder,
            'RMW_CKPT_INTERVAL': '0',
            'RMW_CKPT_GATEWAY': 'off',
            'ROS_DOMAIN_ID': str(domain_id),
            'ROS_LOG_DIR': os.path.join(folder, 'log'),
            'PYTHONUNBUFFERED': '1',
        }
        self.peers = []

    def start(self, role, *arguments, ready=True, prefix=(), **environment):
        """Starts a peer, by another program if there is a prefix, and waits until it says that it is ready."""
        process = subprocess.Popen(
            [*prefix, sys.executable, str(HERE / 'peers.py'), role, *map(str, arguments)],
            env={**self.environment, **environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
        peer = Peer(role, process)
        self.peers.append(peer)
        if ready:
            peer.wait_for_line('ready')
        return peer

    def run(self, role, *arguments, **environment):
        """Starts a peer that checks something and ends."""
        peer = self.start(role, *arguments, ready=False, **environment)
        peer.wait_for_end()
        return peer

    def kill_all(self):
        """Ends all that lives in the domain, also what was revived, and the master: nobody is left who could bring anybody back."""
        deadline = 200
        while deadline and (pids := list(self._processes())):
            deadline -= 1
            # All stand still first: a master that lived a moment longer would bring the others back, unseen while it does.
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
            for pid in pids:
                with_end(pid)

    def close(self):
        self.kill_all()
        for peer in self.peers:
            if peer.process.poll() is None:
                peer.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _processes(self):
        """The processes that have this domain's folder of logs in their environment."""
        mark = f'ROS_LOG_DIR={self.environment["ROS_LOG_DIR"]}\0'.encode()
        for entry in pathlib.Path('/proc').iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if mark in (entry / 'environ').read_bytes():
                        yield int(entry.name)
                except OSError:
                    pass  # it has ended, or is another user's


def with_end(pid):
    """Waits for the end of a process that is not a child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    import select
    select.select([descriptor], [], [], 1)
    os.close(descriptor)


def pytest_configure(config):
    config.addinivalue_line('markers', 'once: says nothing of a ROS distro; colcon/test runs it for the first one only')


_domains = iter(range(os.getpid() % 80, 100000))


def new_domain_id():
    return next(_domains) % 100 + 1


@pytest.fixture
def domain_id():
    return new_domain_id()


@pytest.fixture
def domain(domain_id):
    made = Domain(tempfile.mkdtemp(prefix='rmw_ckpt_test-', dir='/dev/shm'), domain_id)
    yield made
    made.close()
