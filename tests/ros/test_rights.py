"""Nodes that may do less or more than their master: a later incarnation never has more rights than the first."""

import json
import os
import pathlib
import subprocess
import time

import pytest

from conftest import is_administrator

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not is_administrator(), reason='only root with CAP_SYS_ADMIN can take rights away from a process and give it some')]

NICE = 1 << 23  # CAP_SYS_NICE
LESS = ('setpriv', '--bounding-set=-all,+sys_nice', '--inh-caps=-all', '--no-new-privs')
USER = 12345
AS_USER = ('setpriv', f'--reuid={USER}', f'--regid={USER}', '--clear-groups')


def nodes(domain, prefix=()):
    """What `status` says of each node."""
    done = subprocess.run(
        [*prefix, 'rmw_ckpt', 'status', '--json'], env=domain.environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return {name: process for process in json.loads(done.stdout)['processes'] for name in process['nodes']}


def eventually(condition, what):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def rights(pid):
    """What a process may do."""
    lines = pathlib.Path(f'/proc/{pid}/status').read_text().splitlines()
    return [line for line in lines if line.startswith(('Cap', 'NoNewPrivs', 'Uid', 'Gid', 'Groups'))]


def test_a_restricted_node_comes_back_as_restricted_and_one_that_is_elsewhere_not_at_all(domain):
    settings = {'RMW_CKPT_ENGINE': 'none'}
    domain.start('graph_node', **settings)  # its master may do all
    elsewhere = domain.start('counter', prefix=('unshare', '-m', *LESS), **settings)
    restricted = domain.start('listener', '/there', prefix=LESS, **settings)
    restricted.wait_for_line('heard ')
    first = rights(restricted.pid)
    assert f'CapBnd:\t{NICE:016x}' in first and 'NoNewPrivs:\t1' in first
    assert 'another mount namespace' in nodes(domain)['/counter']['note']
    restricted.kill()
    eventually(lambda: nodes(domain)['/listener']['recoveries'] == 1, 'the restricted node did not come back')
    pid = nodes(domain)['/listener']['pid']
    assert pid != restricted.pid and rights(pid) == first
    elsewhere.kill()
    eventually(lambda: nodes(domain)['/counter']['state'] == 'final', 'the other was not noticed')
    assert 'another mount namespace' in nodes(domain)['/counter']['note']


FILTERED = """
import ctypes, os, sys
allow = (ctypes.c_uint16 * 4)(6, 0, 0, 0x7fff)  # struct sock_filter: return SECCOMP_RET_ALLOW
program = (ctypes.c_void_p * 2)(1, ctypes.addressof(allow))  # struct sock_fprog
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
assert libc.prctl(22, 2, program) == 0, 'PR_SET_SECCOMP'
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.parametrize('prefix,why', [
    (('unshare', '--user', '--map-root-user'), 'another user namespace'),
    (('unshare', '--user', '--map-root-user', 'setpriv', '--bounding-set=-all', '--inh-caps=-all'), 'another user namespace'),
    (('unshare', '--net'), 'another network namespace'),
    (('unshare', '--ipc', '--uts', *LESS), 'another IPC namespace'),
    (('python3', '-c', FILTERED), 'seccomp')])
def test_who_is_restricted_and_kills_itself_gets_no_rights_by_that(domain, prefix, why):
    domain.start('graph_node', RMW_CKPT_ENGINE='none')  # its master may do all
    counter = domain.start('counter', prefix=prefix, RMW_CKPT_ENGINE='none')
    assert why in nodes(domain)['/counter']['note']
    counter.kill()
    eventually(lambda: nodes(domain)['/counter']['state'] == 'final', 'its end was not noticed')
    left = nodes(domain)['/counter']
    assert why in left['note'] and left['recoveries'] == 0
    # Nor if its user asks for it.
    asked = subprocess.run(
        ['rmw_ckpt', 'recover', '/counter'], env=domain.environment, capture_output=True, text=True, timeout=60)
    assert asked.returncode == 1 and why in asked.stderr, asked.stderr
    assert nodes(domain)['/counter']['state'] == 'final'


def test_a_node_with_a_capability_that_its_master_lacks_takes_part(domain):
    os.chown(domain.folder, USER, USER)
    settings = {'HOME': domain.folder}
    able = ('--inh-caps=+sys_nice', '--ambient-caps=+sys_nice')
    domain.start('counter', prefix=AS_USER, **settings)
    domain.start('listener', '/there', prefix=(*AS_USER, *able), **settings).wait_for_line('heard ')
    assert 'capabilities that the master lacks (cap_sys_nice)' in nodes(domain, AS_USER)['/listener']['note']
