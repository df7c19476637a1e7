"""KEEP_ALL on both sides: nothing is missed and nothing comes twice, whoever is slow or dies."""

import os
import re
import signal

from small import heard, needs_criu, status, wait_for_more, wait_for_status

MEMORY = 16 << 20
SIZE = 40_000


def said(peer):
    return int(re.findall(r'said (\d+)', peer.output())[-1])


def assert_each_is_heard_once(talker, listener):
    assert 'after' not in listener.output(), [line for line in listener.lines if 'after' in line]
    assert 'refused' not in talker.output()


def test_a_slow_reader_is_waited_for_also_by_a_writer_that_died_and_nothing_is_refused(domain):
    domain.environment.update(RMW_CKPT_MEMORY=str(MEMORY), RMW_CKPT_ENGINE='none')
    listener = domain.start('all_listener', 0.005)
    talker = domain.start('all_talker', 0.0002)
    # More than all that there may be.
    wait_for_more(listener, 2 * MEMORY // SIZE)
    assert said(talker) <= heard(listener)[-1] + MEMORY // SIZE + 10
    talker.kill()
    wait_for_more(listener, 2 * MEMORY // SIZE)
    assert_each_is_heard_once(talker, listener)
    # It may never have caught up, for it waits all the time.
    assert wait_for_status(domain, lambda nodes: '/all_talker' in nodes)['/all_talker']['incarnation'] == 2


def test_a_process_that_hears_itself_slowly_waits_for_itself_and_nothing_is_refused(domain):
    """Who waits has Python's lock when it comes; who reads needs it."""
    domain.environment.update(RMW_CKPT_MEMORY=str(MEMORY), RMW_CKPT_ENGINE='none')
    alone = domain.start('all_alone', 0.002)
    wait_for_more(alone, 2 * MEMORY // SIZE)
    assert said(alone) <= heard(alone)[-1] + MEMORY // SIZE + 10
    assert_each_is_heard_once(alone, alone)


@needs_criu
def test_who_hears_all_and_who_says_all_die_in_turn(domain):
    domain.environment['RMW_CKPT_INTERVAL'] = '0.5'
    listener = domain.start('all_listener', 0.002)
    talker = domain.start('all_talker', 0.02)
    wait_for_status(domain, lambda nodes: all(x['last_checkpoint'] for x in nodes.values()))
    for incarnation, name in ((2, '/all_listener'), (2, '/all_talker'), (3, '/all_listener')):
        wait_for_more(listener)
        os.kill(pid_of(domain, name), signal.SIGKILL)
        wait_for_status(domain, lambda nodes, name=name, incarnation=incarnation: nodes[name]['incarnation'] == incarnation and
                        nodes[name]['state'] in ('live', 'catching up'))
    wait_for_more(listener)
    assert_each_is_heard_once(talker, listener)


def pid_of(domain, name):
    return next(process['pid'] for process in status(domain)['processes'] if name in process['nodes'])
