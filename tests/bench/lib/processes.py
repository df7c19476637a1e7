"""Processes of one measurement, and what they say at their end."""

import json
import os
import subprocess
import tempfile
from pathlib import Path


class Failed(Exception):
    """A process of a measurement did not do what it should."""


class Processes:
    """Started here, ended here: at the end of the block none is left, however it ends."""

    def __init__(self, program: Path, env: dict):
        self._program = program
        self._env = env
        self._running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process, _ in self._running:
            if process.poll() is None:
                process.terminate()
        for process, output in self._running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            output.close()

    def start(self, role: str, **options):
        """rcl_bench ROLE --name value... Its output goes to files: a snapshot of a pipe would be another matter."""
        command = [self._program, role]
        for name, value in options.items():
            command += [f'--{name}', str(value)]
        output = tempfile.TemporaryFile()
        process = subprocess.Popen(command, env=self._env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        self._running.append((process, output))
        return process

    def result(self, process, timeout: float = 90) -> dict:
        """Waits for its end and returns its figures."""
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f'{process.args[1]} did not end within {timeout} s') from None
        if process.returncode != 0:
            raise Failed(f'{process.args[1]} ended with {process.returncode}: {self._said(process).strip()[-500:]}')
        return self._figures(process)

    def stop(self, process) -> dict:
        process.terminate()
        return self.result(process, 10)

    def figures_so_far(self, process):
        """The figures of one that goes on after it has said them; None: not yet."""
        if process.poll() is not None:
            raise Failed(f'{process.args[1]} ended with {process.returncode}: {self._said(process).strip()[-500:]}')
        return self._figures(process)

    def _figures(self, process):
        for line in reversed(self._said(process).splitlines()):
            if line.startswith('{'):
                figures = json.loads(line)
                wanted = self._env['RMW_IMPLEMENTATION']
                if figures.pop('rmw') != wanted:
                    raise Failed(f'{process.args[1]} did not run on {wanted}')
                return figures
        return None

    def _said(self, process) -> str:
        output = next(o for p, o in self._running if p is process)
        # pread, for the process shares the file's position.
        return os.pread(output.fileno(), 1 << 20, 0).decode(errors='replace')


def cpu_seconds(pid) -> float:
    """User and system time of a process so far; 0 without one."""
    if pid is None:
        return 0.0
    with open(f'/proc/{pid}/stat') as stat:
        fields = stat.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
