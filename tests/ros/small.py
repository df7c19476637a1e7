"""Domains in a small file system, others that fill it, and what their tests look at."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time

import pytest

import looking
from conftest import Domain, is_administrator
from looking import heard

PATIENCE = 30  # s; many times what is needed

administrator = pytest.mark.skipif(not is_administrator(), reason='mounting a small tmpfs needs root with CAP_SYS_ADMIN')
needs_criu = pytest.mark.skipif('RMW_CKPT_CRIU' not in os.environ, reason='CRIU cannot run here')


@contextlib.contextmanager
def small(domain_id, size, on_disk=False, **environment):
    """A domain in a file system of its own in memory; on_disk: its run folder only, as where a home is on a disk."""
    folder = tempfile.mkdtemp(prefix='rmw_ckpt_test-', dir='/var/tmp' if on_disk else '/dev/shm')
    mounted = os.path.join(folder, str(domain_id), 'run') if on_disk else folder
    os.makedirs(mounted, 0o700, exist_ok=True)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size},mode=700', 'tmpfs', mounted], check=True)
    made = Domain(folder, domain_id)
    logs = tempfile.mkdtemp(prefix='rmw_ckpt_test-')
    made.environment.update(environment, ROS_LOG_DIR=logs)
    try:
        yield made
    finally:
        made.close()
        subprocess.run(['umount', '-l', mounted], check=True)
        shutil.rmtree(folder, ignore_errors=on_disk)
        shutil.rmtree(logs)


class Ballast:
    """What somebody else has in the file system."""

    def __init__(self, domain):
        self.path = os.path.join(domain.folder, 'other')

    def fill(self):
        with open(self.path, 'ab', buffering=0) as file:
            try:
                while file.write(bytes(1 << 16)) == 1 << 16:
                    pass
                while file.write(bytes(1 << 12)):
                    pass
            except OSError:
                pass

    def empty(self):
        os.remove(self.path)


def status(domain):
    said = subprocess.run(['rmw_ckpt', 'status', '--json'], env=domain.environment, check=True, capture_output=True)
    return json.loads(said.stdout)


def wait_for_status(domain, condition):
    """Waits until what is said of the nodes, by their names, meets a condition; returns that."""
    end = time.monotonic() + PATIENCE
    while True:
        nodes = {name: process for process in status(domain)['processes'] for name in process['nodes']}
        # A domain that nobody is in yet has all kinds of properties.
        if nodes and condition(nodes):
            return nodes
        assert time.monotonic() < end, nodes
        time.sleep(0.05)


def wait_for_more(peer, further=50):
    looking.wait_for_more(peer, further)


def assert_nothing_missed(peer, since=0):
    numbers = [number for number in heard(peer) if number >= since]
    gaps = [(before, after) for before, after in zip(numbers, numbers[1:]) if after != before + 1]
    assert not gaps, gaps
