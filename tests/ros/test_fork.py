"""Engine fork: a node's snapshot is a child of it that sleeps, and becomes the node."""

import json
import mmap
import os
import pathlib
import platform
import signal
import struct
import subprocess
import sys

import pytest

from conftest import is_administrator
from looking import assert_nothing_is_missed, status, wait_for_more, wait_for_status, wait_until
from test_recovery import POINTS, trial

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(platform.machine() != 'x86_64', reason='engine fork is there for x86-64 only')]

USER = 12345
AS_USER = ('setpriv', f'--reuid={USER}', f'--regid={USER}', '--clear-groups', '--no-new-privs', '--bounding-set=-all', '--inh-caps=-all')


@pytest.fixture(autouse=True)
def by_fork(request):
    if 'domain' in request.fixturenames:
        request.getfixturevalue('domain').environment.update(RMW_CKPT_ENGINE='fork', RMW_CKPT_INTERVAL='1')


def by_fork_alone(domain_id, times, *arguments):
    """A trial in which whoever was killed came back by fork."""
    result = trial(domain_id, times, '--engine', 'fork', '--between', '100-300', '--depth', 100, *arguments)
    killed = sum(death['times'] for death in result['deaths'] if death['victim'] != 'Master')
    assert killed and result['recoveries'] == {'fork': killed}, result


def test_a_relay_killed_at_each_point(domain_id):
    by_fork_alone(domain_id, 6, '--kill', 'relay', '--point', POINTS)


def test_each_killed_at_random(domain_id):
    by_fork_alone(domain_id, 6, '--kill', 'mixed')


def test_all_killed_in_turn_and_the_master(domain_id):
    by_fork_alone(domain_id, 9, '--kill', 'relay,master,counter')


def start_chain(domain, prefix=()):
    """A counter, a relay and who hears that, each of which has a snapshot."""
    last = domain.start('listener', '/back', '', 'last', prefix=prefix)
    relay = domain.start('listener', '/there', '/back', 'relay', prefix=prefix)
    domain.start('counter', prefix=prefix)
    if domain.environment['RMW_CKPT_INTERVAL'] == '0':
        wait_for_more(last, 1)
        subprocess.run(['rmw_ckpt', 'checkpoint'], env=domain.environment, check=True, timeout=60)
    wait_for_status(
        domain, lambda _, nodes: {'/last', '/relay', '/counter'} <= {*nodes} and all(node['last_checkpoint'] for node in nodes.values()),
        'snapshots', prefix)
    return last, relay


def await_incarnation(domain, name, number, prefix=()):
    """Waits until a node is live in its incarnation of this number, and says what is known of it."""
    return wait_for_status(
        domain, lambda _, nodes: nodes[name]['recoveries'] == number - 1 and nodes[name]['state'] == 'live',
        f'incarnation {number} of {name}', prefix)[1][name]


def said_by_master(domain):
    return ''.join(path.read_text() for path in pathlib.Path(domain.folder).rglob('master.log*'))


def sleepers(domain, pid=''):
    """The children that sleep for nodes of the domain, or for this one."""
    mark = f'ROS_LOG_DIR={domain.environment["ROS_LOG_DIR"]}\0'.encode()
    for entry in pathlib.Path('/proc').iterdir():
        try:
            if (entry.name.isdigit() and (entry / 'comm').read_text().startswith('rmw_ckpt: snap')
                    and mark in (entry / 'environ').read_bytes()
                    and (entry / 'cmdline').read_text().rstrip('\0').endswith(f'snapshot of process {pid}' if pid else '')):
                yield int(entry.name)
        except OSError:
            pass  # it has ended


def await_no_sleepers(domain):
    wait_until(lambda: not list(sleepers(domain)), 'the end of what sleeps')


def test_a_node_is_revived_again_and_again_and_leaves_nothing_when_it_ends_well(domain):
    last, relay = start_chain(domain)
    wait_until(lambda: len(list(sleepers(domain))) >= 3, 'three that sleep')
    pid = relay.pid
    for number in range(2, 4):
        os.kill(pid, signal.SIGKILL)
        pid = await_incarnation(domain, '/relay', number)['pid']
        wait_for_more(last)
    assert_nothing_is_missed(last)
    assert said_by_master(domain).count('by fork') == 2, said_by_master(domain)
    for node in status(domain)[1].values():
        os.kill(node['pid'], signal.SIGTERM)
    await_no_sleepers(domain)


def test_the_doctor_has_tried_it(domain):
    done = subprocess.run(['rmw_ckpt', 'doctor', '--json'], env=domain.environment, capture_output=True, text=True, timeout=60)
    assert [(found['good'], '(tried)' in found['text']) for found in json.loads(done.stdout) if found['what'] == 'fork'] == [(True, True)]


ORDER, OBEYED, REVIVED = 4, 8, 12  # of a page, as SnapshotPage.cs has it


def test_an_order_for_an_incarnation_that_somebody_is_is_obeyed_by_one_who_ends(domain):
    domain.environment['RMW_CKPT_INTERVAL'] = '0'  # nobody else is to be the snapshot meanwhile
    last, relay = start_chain(domain)
    os.kill(relay.pid, signal.SIGKILL)
    await_incarnation(domain, '/relay', 2)
    living = {node['pid'] for node in status(domain)[1].values()}
    for path in pathlib.Path(domain.folder).rglob('processes/*/snapshots'):
        with open(path, 'r+b') as file, mmap.mmap(file.fileno(), 0) as page:
            def word(offset, page=page):
                return struct.unpack_from('<i', page, offset)[0]

            order = word(ORDER) + 1
            struct.pack_into('<i', page, ORDER, order)
            wait_until(lambda word=word, order=order: word(OBEYED) == order, 'who sleeps to obey')
            assert word(REVIVED) > 0 and word(REVIVED) not in living
            wait_until(lambda word=word: not os.path.exists(f'/proc/{word(REVIVED)}'), 'the end of who came late')
    wait_for_more(last)
    assert_nothing_is_missed(last)
    assert living == {node['pid'] for node in status(domain)[1].values()}


def test_one_that_is_killed_as_soon_as_it_is_revived_is_revived_again(domain):
    last, relay = start_chain(domain)
    paths = list(pathlib.Path(domain.folder).rglob('processes/*/snapshots'))
    files = [path.open('r+b') for path in paths]
    pages = [mmap.mmap(file.fileno(), 0) for file in files]
    os.kill(relay.pid, signal.SIGKILL)
    revived = []
    wait_until(lambda: revived.extend(pid for page in pages if (pid := struct.unpack_from('<i', page, REVIVED)[0])) or revived, 'a revival')
    os.kill(revived[0], signal.SIGKILL)
    node = wait_for_status(
        domain, lambda _, nodes: nodes['/relay']['state'] == 'live' and nodes['/relay']['pid'] not in (relay.pid, revived[0]),
        'another revival')[1]['/relay']
    wait_for_more(last)
    assert_nothing_is_missed(last)
    assert f'pid {node["pid"]}, incarnation' in said_by_master(domain) and 'started again' not in said_by_master(domain)
    for opened in (*pages, *files):
        opened.close()


@pytest.mark.skipif(not is_administrator(), reason='only root can become another user')
def test_an_ordinary_user_without_any_right_has_it_too(domain):
    os.chown(domain.folder, USER, USER)
    domain.environment['HOME'] = domain.folder
    last, relay = start_chain(domain, AS_USER)
    os.kill(relay.pid, signal.SIGKILL)
    revived = await_incarnation(domain, '/relay', 2, AS_USER)['pid']
    wait_for_more(last)
    assert_nothing_is_missed(last)
    assert 'by fork' in said_by_master(domain)
    rights = pathlib.Path(f'/proc/{revived}/status').read_text()
    assert f'Uid:\t{USER}\t' in rights and 'CapEff:\t0000000000000000' in rights and 'NoNewPrivs:\t1' in rights


def test_a_node_and_its_master_killed_at_once(domain):
    last, relay = start_chain(domain)
    pid = relay.pid
    for number in range(2, 4):
        master = status(domain)[0]
        for victim in (master, pid):
            os.kill(victim, signal.SIGKILL)
        pid = await_incarnation(domain, '/relay', number)['pid']
        wait_for_more(last, 20)
    assert_nothing_is_missed(last)


def test_what_sleeps_ends_with_a_node_whose_death_nobody_mends(domain):
    domain.environment['RMW_CKPT_RECOVER'] = 'off'
    _, relay = start_chain(domain)
    wait_until(lambda: list(sleepers(domain, relay.pid)), 'who sleeps for the relay')
    os.kill(relay.pid, signal.SIGKILL)
    wait_until(lambda: not list(sleepers(domain, relay.pid)), 'the end of what sleeps for the relay')
    assert status(domain)[1]['/relay']['state'] == 'final'


# Has a file in memory, which a fork would share.
WITH_MEMORY = (sys.executable, '-c', """
import os, sys
os.set_inheritable(os.memfd_create('frames', 0), True)
os.execv(sys.argv[1], sys.argv[1:])
""")


def test_a_node_that_is_refused_says_why_and_comes_back_by_its_journal(domain):
    last = domain.start('listener', '/back', '', 'last')
    relay = domain.start('listener', '/there', '/back', 'relay', prefix=WITH_MEMORY)
    domain.start('counter')
    wait_for_status(domain, lambda _, nodes: '/relay' in nodes and 'memfd:frames' in nodes['/relay']['note'], 'the refusal')
    wait_for_more(last)
    os.kill(relay.pid, signal.SIGKILL)
    await_incarnation(domain, '/relay', 2)
    wait_for_more(last)
    assert_nothing_is_missed(last)
