"""What snapshots cost, when they are taken, and what they are worth after there was no room."""

import os
import pathlib

import pytest

from small import (
    Ballast, administrator, assert_nothing_missed, heard, needs_criu, small, status, wait_for_more, wait_for_status)

ROOM = 600 << 20
MEMORY = str(ROOM // 2)


def start_chain(domain):
    """A counter, a relay and who hears that."""
    last = domain.start('listener', '/back', '', 'last')
    relay = domain.start('listener', '/there', '/back', 'relay')
    domain.start('counter')
    return last, relay


def wait_for_snapshots(domain, names, further):
    """Waits for so many further snapshots of nodes of these names."""
    for _ in range(further):
        before = {x['pid']: x['last_checkpoint'] for x in status(domain)['processes']}
        wait_for_status(domain, lambda nodes, before=before: all(
            nodes[name]['last_checkpoint'] > before[nodes[name]['pid']] for name in names))


@pytest.mark.once
@administrator
@needs_criu
def test_snapshots_write_nothing_to_the_disk(domain_id):
    with small(domain_id, ROOM, on_disk=True, PYTHONDONTWRITEBYTECODE='1', RMW_CKPT_MEMORY=MEMORY, RMW_CKPT_INTERVAL='0.5') as domain:
        start_chain(domain)
        names = ['/counter', '/relay', '/last']
        wait_for_snapshots(domain, names, 1)
        before = disk(domain, domain_id)
        wait_for_snapshots(domain, names, 4)
        assert disk(domain, domain_id) == before


def disk(domain, domain_id):
    """What the master and the nodes have had written to disks, by process, and what the state folder has."""
    said = status(domain)
    bytes_of = {}
    for pid in [said['master_pid'], *(x['pid'] for x in said['processes'])]:
        bytes_of[pid] = next(line for line in pathlib.Path(f'/proc/{pid}/io').read_text().splitlines() if line.startswith('write_bytes'))
    state = pathlib.Path(domain.folder, str(domain_id), 'state')
    return bytes_of, {str(path): path.stat().st_size for path in state.rglob('*') if path.is_file()}


@pytest.mark.once
@needs_criu
def test_who_only_publishes_is_snapshot_again_and_again(domain):
    domain.environment['RMW_CKPT_INTERVAL'] = '0.5'
    listener = domain.start('listener', '/there')
    loop = domain.start('loop')
    wait_for_snapshots(domain, ['/loop'], 3)
    loop.kill()
    wait_for_more(listener)
    assert_nothing_missed(listener)
    assert wait_for_status(domain, lambda nodes: nodes['/loop']['state'] == 'live')['/loop']['incarnation'] == 2


@pytest.mark.once
@administrator
@needs_criu
def test_after_its_journal_had_no_room_a_process_is_snapshot_at_once_and_loses_nothing(domain_id):
    # An interval of minutes: what is taken after that is for the journal.
    with small(domain_id, ROOM, RMW_CKPT_MEMORY=MEMORY, RMW_CKPT_INTERVAL='300') as domain:
        last, relay = start_chain(domain)
        nodes = wait_for_status(domain, lambda nodes: all(x['last_checkpoint'] for x in nodes.values()))
        before = nodes['/relay']['last_checkpoint']
        ballast = Ballast(domain)
        ballast.fill()
        os.truncate(os.path.join(domain.folder, str(domain_id), 'run', 'spare'), 0)
        ballast.fill()
        wait_for_status(domain, lambda nodes: 'no room for its journal' in nodes['/relay']['note'])
        wait_for_more(last)
        ballast.empty()
        # One from before the journal went on is of no use, which the note says too.
        wait_for_status(domain, lambda nodes: nodes['/relay']['last_checkpoint'] > before and nodes['/relay']['note'] == 'interval=300')
        since = heard(last)[-1]
        wait_for_more(last)
        relay.kill()
        wait_for_more(last, 300)
        # While nothing was free the logs kept what their few pages hold, and a slow machine's reader may have missed some.
        assert_nothing_missed(last, since)
        assert wait_for_status(domain, lambda nodes: nodes['/relay']['state'] == 'live')['/relay']['incarnation'] == 2
