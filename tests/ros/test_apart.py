"""Nodes of one domain that see different things: another HOME, or another container's processes."""

import os
import pathlib
import shutil
import signal
import tempfile

import pytest

from conftest import Domain, is_administrator
from looking import assert_nothing_is_missed, status, wait_for_more, wait_for_status, wait_until
from test_living import HAS_CRIU, run_folder, who

SWEEPS = 500  # numbers, in whose time a new master sweeps twice

pytestmark = pytest.mark.once


def variable(pid, name):
    for entry in pathlib.Path(f'/proc/{pid}/environ').read_bytes().split(b'\0'):
        if entry.startswith(name.encode() + b'='):
            return entry.split(b'=', 1)[1].decode()
    return None


def kept(run):
    """What is in the run folder of each process."""
    return {x.relative_to(run) for folder in ('logs', 'processes') for x in (run / folder).iterdir()}


def freeze(*pids):
    """From here on none of them starts a master: a thread that is still running could get the lock, and keep it."""
    def are_stopped():
        # Again each time: CRIU lets a process run on whose stop came while it was being dumped.
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        tasks = [x for pid in pids for x in pathlib.Path(f'/proc/{pid}/task').iterdir()]
        return all((x / 'stat').read_text().rsplit(')', 1)[1].split()[0] == 'T' for x in tasks)

    wait_until(are_stopped, 'all threads to stop')


def thaw(*pids):
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def homes(domain_id):
    """A domain where it usually is, of which only the HOMEs are the test's; the number is one that nobody has."""
    folder = tempfile.mkdtemp(prefix='rmw_ckpt_test-', dir='/dev/shm')
    number = next(x for x in range(domain_id, 233) if not run_of(x).exists())
    made = Domain(folder, number)
    del made.environment['RMW_CKPT_DIR']
    made.environment.pop('XDG_STATE_HOME', None)
    yield made
    made.close()
    shutil.rmtree(run_of(number), ignore_errors=True)


def run_of(number):
    return pathlib.Path(f'/dev/shm/rmw_ckpt-{os.getuid()}/{number}')


def test_two_homes_are_one_domain(homes):
    domain = homes
    domain.environment.update({'RMW_CKPT_INTERVAL': '0.5', 'RMW_CKPT_KEEP': 'disk'})
    first, second = ({'HOME': os.path.join(domain.folder, x)} for x in ('a', 'b'))
    for home in (first, second):
        os.mkdir(home['HOME'], mode=0o700)
    run = run_of(domain.environment['ROS_DOMAIN_ID'])
    listener = domain.start('listener', '/back', **first)
    relay = domain.start('listener', '/there', '/back', 'relay', **first)
    counter = domain.start('counter', **first)
    wait_for_more(listener)
    master, before = wait_for_status(
        domain, lambda _, nodes: not HAS_CRIU or all(x['last_checkpoint'] for x in nodes.values()), 'all of them, protected')
    assert variable(master, 'HOME') == first['HOME']
    there = kept(run)

    first_pids = [x.pid for x in (listener, relay, counter)]
    freeze(*first_pids)
    os.kill(master, signal.SIGKILL)
    late = domain.start('listener', '/back', '', 'late', **second)
    thaw(*first_pids)
    now, after = wait_for_status(
        domain, lambda now, nodes: now != master and len(nodes) == len(before) + 1
        and not any('has not said hello' in x['note'] for x in nodes.values()), 'all of them')
    assert variable(now, 'HOME') == second['HOME']
    del after['/late']
    assert who(after) == who(before)
    wait_for_more(listener, SWEEPS)
    wait_for_more(late)
    assert there <= kept(run)

    relay.kill()
    wait_for_more(listener)
    assert status(domain)[1]['/relay']['incarnation'] == 2
    assert_nothing_is_missed(listener, late)


CONTAINER = ('unshare', '--pid', '--fork', '--kill-child', '--mount-proc')


def inside(peer):
    """The process that was started in a container, as this namespace has it."""
    return int(pathlib.Path(f'/proc/{peer.pid}/task/{peer.pid}/children').read_text().split()[0])


def beside(peer):
    """How another one gets into its container."""
    return ('nsenter', '--target', str(inside(peer)), '--pid', '--mount')


def masters(domain):
    """The masters of the domain, by this namespace's numbers."""
    return [x for x in domain._processes() if b'\0master\0' in pathlib.Path(f'/proc/{x}/cmdline').read_bytes()]


def namespace(pid):
    return os.readlink(f'/proc/{pid}/ns/pid')


@pytest.mark.skipif(not is_administrator(), reason='only root with CAP_SYS_ADMIN can make namespaces of processes')
def test_two_containers_that_share_the_run_folder(domain, domain_id):
    domain.environment['RMW_CKPT_ENGINE'] = 'none'
    run = run_folder(domain, domain_id)
    listener = domain.start('listener', '/there', prefix=CONTAINER)
    counter = domain.start('counter', prefix=beside(listener))
    wait_for_more(listener)
    master, = masters(domain)
    one = namespace(inside(listener))
    assert namespace(master) == one
    there = kept(run)

    # The next master is in the other container, and sees nobody of this one.
    both = inside(listener), inside(counter)
    freeze(*both)
    os.kill(master, signal.SIGKILL)
    other = domain.start('listener', '/there', '', 'other', prefix=CONTAINER)
    second, = masters(domain)
    assert namespace(second) == namespace(inside(other)) != one
    thaw(*both)
    wait_for_more(listener, SWEEPS)
    wait_for_more(other)
    assert there <= kept(run)

    # It goes with its container. Those who are left have the next, which knows them.
    other.kill()
    wait_for_more(listener, SWEEPS)
    third, = masters(domain)
    assert namespace(third) == one
    assert there <= kept(run)
    _, nodes = status(domain, beside(listener))
    assert nodes['/listener']['state'] == nodes['/counter']['state'] == 'live', nodes
    assert 'another pid namespace' in nodes['/other']['note'], nodes
    domain.start('newcomer', 'counter', 'listener', ready=False, prefix=beside(listener)).wait_for_end()
    assert_nothing_is_missed(listener, other)


@pytest.mark.skipif(not is_administrator(), reason='only root with CAP_SYS_ADMIN can make namespaces of processes')
def test_a_container_of_the_host_that_shares_the_run_folder(domain, domain_id):
    domain.environment['RMW_CKPT_ENGINE'] = 'none'
    run = run_folder(domain, domain_id)
    listener = domain.start('listener', '/there')
    counter = domain.start('counter')
    other = domain.start('listener', '/there', '', 'other', prefix=CONTAINER)
    wait_for_more(other)
    master, before = status(domain)
    assert set(before) == {'/listener', '/counter', '/other'}
    there = kept(run)

    freeze(listener.pid, counter.pid)
    os.kill(master, signal.SIGKILL)
    wait_until(lambda: [namespace(x) for x in masters(domain)] == [namespace(inside(other))], 'a master in the container')
    thaw(listener.pid, counter.pid)
    wait_for_more(listener, SWEEPS)
    wait_for_more(other)
    assert there <= kept(run)

    other.kill()
    wait_for_more(listener)
    _, nodes = wait_for_status(domain, lambda _, nodes: '/counter' in nodes, 'a master of the host again')
    assert nodes['/listener']['state'] == nodes['/counter']['state'] == 'live', nodes
    assert_nothing_is_missed(listener, other)
