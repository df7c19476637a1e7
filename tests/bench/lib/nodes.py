"""The demo's three nodes (counter, relay, watcher) in a domain of their own, rclpy or C#, to be snapshotted and killed."""

import os
import signal
import subprocess
import time
from pathlib import Path

from .environment import TOP, Domain
from .processes import Failed
from .slots import Slot, Table


def until(what: str, condition, timeout: float = 60, pause: float = 0.01):
    """Polls; returns what the condition gives once that is true."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failed(f'{what}: not within {timeout} s')
        time.sleep(pause)
    return value


class Nodes:
    """`csharp`: the program of the C# nodes; empty: the rclpy ones."""

    def __init__(self, domain: Domain, csharp: str, rate: float, depth: int = 1000):
        self.domain = domain
        self._csharp = csharp
        self._rate = rate
        self._depth = depth
        self._children = {}
        self._slots = {}

    def __enter__(self):
        try:
            for name in ('watcher', 'relay', 'counter'):
                self._start(name)
            until('the first sums', lambda: self.witness('watcher').stat().st_size > 0)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # A clean end is no death; then no master that could bring them back; then force.
        pids = [slot.pid for slot in self._slots.values()] + [child.pid for child in self._children.values()]
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in pids:
                if self._is_ours(pid):
                    os.kill(pid, number)
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline and any(self._is_ours(pid) for pid in pids):
                for child in self._children.values():
                    child.poll()
                time.sleep(0.02)
            self.domain.stop_master()
        for child in self._children.values():
            child.wait()

    def _is_ours(self, pid: int) -> bool:
        """Ids are used again: only what has our run folder in its environment is ended."""
        try:
            return f'RMW_CKPT_DIR={self.domain.folder}\0'.encode() in Path(f'/proc/{pid}/environ').read_bytes()
        except OSError:
            return False

    def witness(self, name: str) -> Path:
        return self.domain.folder / f'{name}.witness'

    def slot(self, name: str) -> Slot:
        return self._slots[name]

    def kill(self, name: str) -> int:
        """SIGKILL; returns when, ns of CLOCK_MONOTONIC. Its process id is free afterwards, which CRIU needs."""
        pid = self._slots[name].pid
        at = time.monotonic_ns()
        os.kill(pid, signal.SIGKILL)
        child = self._children.get(name)
        if child is not None and child.pid == pid and child.returncode is None:
            child.wait()
        return at

    def stop(self, name: str):
        """Its clean end."""
        os.kill(self._slots[name].pid, signal.SIGTERM)
        self._children[name].wait(10)

    def _start(self, name: str):
        program = [self._csharp, name] if self._csharp else ['python3', TOP / 'tests' / 'nodes' / f'{name}.py']
        command = program + ['--witness', self.witness(name), '--depth', str(self._depth)]
        if name == 'counter':
            command += ['--rate', str(self._rate)]
        self.witness(name).touch()
        with open(self.domain.folder / f'{name}.output', 'wb') as output:
            child = subprocess.Popen([str(word) for word in command], env=self.domain.env, stdin=subprocess.DEVNULL,
                                     stdout=output, stderr=output, start_new_session=True)
        self._children[name] = child

        def joined():
            if child.poll() is not None:
                said = (self.domain.folder / f'{name}.output').read_text(errors='replace')
                raise Failed(f'{name} ended with {child.returncode}: {said[-500:]}')
            try:
                return Table(self.domain.run).find(child.pid)
            except (OSError, ValueError):
                return None
        self._slots[name] = until(f'{name} joins', joined)
