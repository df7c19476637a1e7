"""Domains in a small file system: a container's /dev/shm has 64 MiB."""

import os
import pathlib
import time

import pytest

from small import (
    Ballast, PATIENCE, administrator, assert_nothing_missed, small, status, wait_for_more, wait_for_status)

SIZE = 64 << 20


@pytest.fixture
def small_domain(domain_id):
    # Seen before the first snapshot would be due, which none of these needs.
    with small(domain_id, SIZE, RMW_CKPT_ENGINE='none') as made:
        yield made


@pytest.mark.once
@administrator
def test_a_camera_goes_on_in_64_mib_whoever_joins_dies_or_fills_it(small_domain):
    viewer = small_domain.start('viewer')
    camera = small_domain.start('camera')
    viewer.wait_for_line('seen 45')
    said = status(small_domain)
    assert said['memory_budget'] == SIZE // 4
    assert said['memory_used'] < SIZE // 3

    # Somebody else takes the rest.
    ballast = Ballast(small_domain)
    ballast.fill()
    seen = max(int(line.split()[1]) for line in viewer.lines if line.startswith('seen'))
    viewer.wait_for_line(f'seen {seen + 45}')
    ballast.empty()

    late = small_domain.start('viewer')
    late.wait_for_line('seen 15')
    camera.kill()
    seen = max(int(line.split()[1]) for line in viewer.lines if line.startswith('seen'))
    viewer.wait_for_line(f'seen {seen + 45}')
    processes = status(small_domain)['processes']
    assert processes and all(p['state'] != 'final' for p in processes)


@pytest.mark.once
@administrator
def test_in_what_others_have_filled_nodes_join_talk_and_come_back(small_domain):
    first = small_domain.start('listener', '/there', '', 'first')
    Ballast(small_domain).fill()
    assert status(small_domain)['memory_free'] == 0

    counter = small_domain.start('counter')
    wait_for_more(first)
    second = small_domain.start('listener', '/there', '', 'second')
    wait_for_more(second)
    counter.kill()
    wait_for_more(first)
    wait_for_more(second)
    assert_nothing_missed(first)
    assert_nothing_missed(second)
    nodes = wait_for_status(small_domain, lambda nodes: all(x['state'] == 'live' for x in nodes.values()))
    assert nodes['/counter']['incarnation'] == 2


@pytest.mark.once
@administrator
def test_requests_and_replies_that_find_no_room_are_lost_and_end_nobody(small_domain):
    small_domain.start('large_server')
    ballast = Ballast(small_domain)
    ballast.fill()
    client = small_domain.start('large_client')
    wait_for_status(small_domain, lambda nodes: all('went nowhere' in x['note'] for x in nodes.values()))
    assert not any('requests' in line for line in client.lines), client.output()
    ballast.empty()
    for what in ('requests 5', 'replies 5'):
        client.wait_for_line(what)
    processes = status(small_domain)['processes']
    assert len(processes) == 2 and all(x['state'] == 'live' for x in processes), processes


@pytest.mark.once
@administrator
def test_many_busy_publishers_stay_in_the_budget(domain_id):
    with small(domain_id, 8 * SIZE, RMW_CKPT_ENGINE='none', RMW_CKPT_MEMORY=str(SIZE // 2)) as domain:
        budget = SIZE // 2
        peers = [domain.start('busy', f'busy{i}', 10, ready=False) for i in range(20)]
        # Those who come at once take little more than the master has found free when it last looked: what they begin with.
        for peer in peers:
            # Twenty interpreters start at once.
            peer.wait_for_line('ready', 4 * PATIENCE)
            assert blocks(domain) <= budget + budget // 4
        end = time.monotonic() + PATIENCE
        while blocks(domain) > budget:
            assert time.monotonic() < end, blocks(domain)
            time.sleep(0.05)
        used = []
        # Each log has been filled many times over when so much has gone through all of them.
        end, enough = time.monotonic() + PATIENCE, written(domain) + 8 * budget
        while written(domain) < enough:
            used.append(blocks(domain))
            assert time.monotonic() < end, (written(domain), used)
            time.sleep(0.05)
        said = status(domain)
        assert said['memory_budget'] == budget
        assert budget // 2 < max(used) <= budget, used
        assert len(said['processes']) == len(peers), said
        assert all(x['state'] == 'live' and 'nowhere' not in x['note'] for x in said['processes']), said
        assert all(peer.process.poll() is None for peer in peers)


def blocks(domain):
    """Bytes that the file system has given."""
    facts = os.statvfs(domain.folder)
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize


def written(domain):
    """Bytes that the heads of all logs say were ever written."""
    heads = pathlib.Path(domain.folder).glob('*/run/logs/*/head')
    return sum(int.from_bytes(head.read_bytes()[96:104], 'little') for head in heads)
