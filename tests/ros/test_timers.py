"""rcl's timers, which the middleware does not see: by the slots through which nodes wait for them and call them."""

import collections
import os
import pathlib
import signal

import pytest

from looking import assert_nothing_is_missed, wait_for_more, wait_for_status

TIME, DUE, CALL = 1, 12, 13  # Determinant.cs
HEAD, CELL = 64, 24  # Journal.cs


def cells(domain):
    """How many cells there are of each kind in all journals."""
    kinds = collections.Counter()
    for file in pathlib.Path(domain.folder).glob('*/run/processes/*/journal/*'):
        content = file.read_bytes()
        kinds.update(content[at] for at in range(HEAD, len(content), CELL))
    return kinds


def test_what_is_journalled_of_a_timer_is_that_it_is_due_and_called(domain):
    listener = domain.start('listener', '/there')
    before = cells(domain)
    domain.start('counter')
    wait_for_more(listener)
    found = cells(domain) - before
    assert found[CALL] >= 100
    assert found[DUE] >= found[CALL]
    # Not what was read to see whether it was due.
    assert found[TIME] < found[CALL]


@pytest.mark.once
def test_timers_of_an_executor_of_several_threads_tick_once_each(domain):
    listeners = [domain.start('listener', topic, '', topic[1:]) for topic in ('/one', '/other')]
    domain.start('ticker')
    for incarnation in (1, 2):
        os.kill(live(domain, listeners, incarnation)['pid'], signal.SIGKILL)
    assert 'diverged' not in live(domain, listeners, 3)['note']
    assert_nothing_is_missed(*listeners)


def live(domain, listeners, incarnation):
    """What status says of the ticker, once this incarnation of it lives and has been heard."""
    _, nodes = wait_for_status(
        domain, lambda _, nodes: nodes['/ticker']['state'] == 'live' and nodes['/ticker']['incarnation'] == incarnation,
        f'the ticker to live in incarnation {incarnation}')
    for listener in listeners:
        wait_for_more(listener)
    return nodes['/ticker']
