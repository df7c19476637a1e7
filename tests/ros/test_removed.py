"""The run folder is removed while nodes live, as systemd-logind's RemoveIPC does, and by people in a hurry."""

import os
import select
import signal
import time

import pytest

from looking import FURTHER, PATIENCE, assert_nothing_is_missed, heard, remove, status, wait_for_more, wait_for_status, wait_until
from test_living import run_folder, who

STOPPED = 5  # s

pytestmark = pytest.mark.once


def start_three(domain, **settings):
    last = domain.start('listener', '/back', **settings)
    relay = domain.start('listener', '/there', '/back', 'relay', **settings)
    counter = domain.start('counter', **settings)
    wait_for_more(last)
    return last, relay, counter


def test_removed_again_and_again(domain, domain_id):
    last, *_ = start_three(domain)
    master, before = status(domain)
    run = run_folder(domain, domain_id)

    def all_are_in_it(now, nodes):
        return now != master and len(nodes) == len(before)

    remove(run)
    wait_until(run.exists, 'the folder again')
    remove(run)
    wait_until((run / 'table').exists, 'a master that has a table there')
    remove(run)
    master, after = wait_for_status(domain, all_are_in_it, 'all of them')
    assert who(after) == who(before)
    remove(run)
    _, after = wait_for_status(domain, all_are_in_it, 'all of them once more')
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


def wait_for_end(descriptor):
    """Of the process that a pidfd is of; closes it."""
    ended, _, _ = select.select([descriptor], [], [], PATIENCE)
    os.close(descriptor)
    assert ended, f'it did not end in {PATIENCE} s'


@pytest.mark.parametrize('when', ['once there is a new table', 'once the others are in it'])
def test_one_that_dies_before_it_has_moved_is_started_anew_once(domain, domain_id, when):
    last, relay, _ = start_three(domain)
    sure = domain.start('listener', '/there', '', 'sure')
    master, before = status(domain)
    first = os.pidfd_open(master)
    run = run_folder(domain, domain_id)
    # It cannot move: the next master never hears of it.
    relay.process.send_signal(signal.SIGSTOP)
    remove(run)
    if 'table' in when:
        wait_until((run / 'table').exists, when)
    else:
        wait_for_status(domain, lambda now, nodes: now != master and len(nodes) == len(before) - 1, when)
    relay.kill()
    _, nodes = wait_for_status(
        domain, lambda now, nodes: now != master and len(nodes) == len(before) and nodes['/relay']['state'] == 'live', 'another relay')
    assert nodes['/relay']['pid'] != before['/relay']['pid']
    wait_for_end(first)
    _, after = status(domain)
    assert {name: x['pid'] for name, x in after.items()} == {name: x['pid'] for name, x in nodes.items()}
    # Two relays would say everything twice.
    last.wait_for_line(f'heard {heard(sure)[-1] + FURTHER}\n')
    assert_nothing_is_missed(sure)
    numbers = heard(last)
    assert len(numbers) == len(set(numbers)), numbers


def test_those_that_die_before_they_are_protected_again_are_started_anew(domain, domain_id):
    last, relay, _ = start_three(domain)
    sure, spare = (domain.start('listener', '/there', '', x) for x in ('sure', 'spare'))
    master, before = status(domain)

    def is_another(nodes, name):
        return name in nodes and nodes[name]['state'] == 'live' and nodes[name]['pid'] != before[name]['pid']

    remove(run_folder(domain, domain_id))
    relay.kill()
    wait_for_status(
        domain, lambda now, nodes: now != master and len(nodes) == len(before) and is_another(nodes, '/relay'), 'another relay')
    spare.kill()
    _, after = wait_for_status(domain, lambda _, nodes: is_another(nodes, '/spare'), 'another spare one')
    assert 'anew' in after['/spare']['note'], after
    # What was said while there was no relay is lost to the next one, which passes on what it hears.
    last.wait_for_line(f'heard {heard(sure)[-1] + FURTHER}\n')
    assert_nothing_is_missed(sure)
