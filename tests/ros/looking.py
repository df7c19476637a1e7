"""What tests see of living nodes, from outside the middleware: what they say themselves, and what `status` says."""

import json
import re
import shutil
import subprocess
import time

PATIENCE = 30  # s
FURTHER = 100  # numbers


def status(domain, prefix=()):
    """The master's process id and what it says of each node; raises CalledProcessError where nobody answers."""
    done = subprocess.run(
        [*prefix, 'rmw_ckpt', 'status', '--json'], env=domain.environment, capture_output=True, text=True, check=True,
        timeout=PATIENCE)
    said = json.loads(done.stdout)
    return said['master_pid'], {name: process for process in said['processes'] for name in process['nodes']}


def wait_for_status(domain, condition, what, prefix=()):
    """Waits until the condition holds for what `status` says; returns that."""
    end = time.monotonic() + PATIENCE
    said = None
    while True:
        try:
            said = status(domain, prefix)
            if condition(*said):
                return said
        except subprocess.CalledProcessError:
            pass
        assert time.monotonic() < end, f'waited {PATIENCE} s for {what}: {said}'
        time.sleep(0.05)


def wait_until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f'waited {PATIENCE} s for {what}'
        time.sleep(0.001)


def remove(folder):
    """As rm -rf does, though others make things in there at the same time."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def heard(peer):
    return [int(number) for number in re.findall(r'heard (\d+)', peer.output())]


def wait_for_more(peer, further=FURTHER):
    peer.wait_for_line('heard ')
    enough = heard(peer)[-1] + further
    peer.wait_for(lambda line: any(int(number) >= enough for number in re.findall(r'heard (\d+)', line)), f'heard {enough} or more')


def assert_nothing_is_missed(*peers):
    for peer in peers:
        numbers = heard(peer)
        gaps = [(a, b) for a, b in zip(numbers, numbers[1:]) if b != a + 1]
        assert numbers and not gaps, f'{peer.role} heard these one after the other: {gaps}'
