"""The run folder is removed while nodes live, as systemd-logind's RemoveIPC does, and by people in a hurry."""

import shutil
import signal
import time

import pytest

from looking import FURTHER, assert_nothing_is_missed, heard, status, wait_for_more, wait_for_status, wait_until
from test_living import HAS_CRIU, run_folder, who

STOPPED = 5  # s

pytestmark = pytest.mark.once


def start_three(domain, **settings):
    last = domain.start('listener', '/back', **settings)
    relay = domain.start('listener', '/there', '/back', 'relay', **settings)
    counter = domain.start('counter', **settings)
    wait_for_more(last)
    return last, relay, counter


def remove(folder):
    """As rm -rf does where others make things at the same time."""
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize('again', ['once it is there again', 'once a master has a table there', 'once all are in it'])
def test_removed_twice(domain, domain_id, again):
    last, *_ = start_three(domain)
    master, before = status(domain)
    run = run_folder(domain, domain_id)
    remove(run)
    if again == 'once it is there again':
        wait_until(run.exists, again)
    elif again == 'once a master has a table there':
        wait_until((run / 'table').exists, again)
    else:
        second, nodes = wait_for_status(domain, lambda now, nodes: now != master and len(nodes) == len(before), again)
        assert who(nodes) == who(before)
        master = second
    remove(run)
    _, after = wait_for_status(domain, lambda now, nodes: now != master and len(nodes) == len(before), 'all of them')
    assert who(after) == who(before)
    wait_for_more(last)
    domain.run('newcomer', 'counter', 'relay', 'listener')
    assert_nothing_is_missed(last)


def test_a_node_that_was_stopped_meanwhile_comes_back_as_what_it_was(domain, domain_id):
    last, relay, _ = start_three(domain)
    master, before = status(domain)
    relay.process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    remove(run_folder(domain, domain_id))
    wait_for_status(domain, lambda now, nodes: now != master and len(nodes) == len(before) - 1, 'the others')
    # Who comes meanwhile is given no slot of those that are awaited.
    newcomer = domain.start('graph_node')
    time.sleep(max(0.0, begun + STOPPED - time.monotonic()))
    relay.process.send_signal(signal.SIGCONT)
    _, after = wait_for_status(domain, lambda _, nodes: len(nodes) == len(before) + 1, 'the one that was stopped')
    after.pop('/here/seen')
    assert who(after) == who(before)
    wait_for_more(last)
    newcomer.stop()
    assert_nothing_is_missed(last)


def test_one_that_dies_there_before_its_first_snapshot_is_started_anew(domain, domain_id):
    last, relay, _ = start_three(domain)
    other = domain.start('listener', '/there', '', 'other')
    master, before = status(domain)
    remove(run_folder(domain, domain_id))
    wait_for_status(domain, lambda now, nodes: now != master and len(nodes) == len(before), 'all of them')
    relay.kill()
    _, after = wait_for_status(
        domain, lambda _, nodes: nodes['/relay']['state'] == 'live' and nodes['/relay']['pid'] != before['/relay']['pid'],
        'another relay')
    assert 'anew' in after['/relay']['note'], after
    # What was said meanwhile is lost to the next, who passes on what it hears.
    last.wait_for_line(f'heard {heard(other)[-1] + FURTHER}\n')
    assert_nothing_is_missed(other)
