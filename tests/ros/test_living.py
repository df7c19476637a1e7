"""Nodes that live go on, whatever becomes of the master, its journal and the folders."""

import os
import pathlib
import shutil
import signal

import pytest

from conftest import with_end
from looking import assert_nothing_is_missed, remove, status, wait_for_more, wait_for_status

HAS_CRIU = 'RMW_CKPT_CRIU' in os.environ


def run_folder(domain, domain_id):
    return pathlib.Path(domain.folder) / str(domain_id) / 'run'


def who(nodes):
    return {name: (x['pid'], x['process'], x['slot']) for name, x in nodes.items()}


def flip(folder):
    journal = folder / 'registry.journal'
    data = bytearray(journal.read_bytes())
    data[60] ^= 4
    journal.write_bytes(data)


def remove_journal(folder):
    (folder / 'registry.journal').unlink()
    shutil.rmtree(folder.parent / 'state', ignore_errors=True)


def remove_all(folder):
    remove(folder.parent)


@pytest.mark.once
@pytest.mark.parametrize('damage', [flip, remove_journal, remove_all])
def test_living_nodes_are_known_and_protected_after(domain, domain_id, damage):
    domain.environment['RMW_CKPT_INTERVAL'] = '0.5'
    last = domain.start('listener', '/back')
    relay = domain.start('listener', '/there', '/back', 'relay')
    domain.start('counter')
    wait_for_more(last)
    master, before = status(domain)
    run = run_folder(domain, domain_id)
    types = {x.name for x in (run / 'types').iterdir()}
    damage(run)
    if damage is not remove_all:
        os.kill(master, signal.SIGKILL)

    wait_for_more(last)
    _, after = wait_for_status(
        domain, lambda now, nodes: now != master and len(nodes) == len(before)
        and (not HAS_CRIU or all(x['last_checkpoint'] for x in nodes.values())), 'all of them, protected')
    assert who(after) == who(before)
    assert {x.name for x in (run / 'types').iterdir()} == types
    domain.run('newcomer', 'counter', 'relay', 'listener')

    if HAS_CRIU:
        relay.kill()
        wait_for_more(last)
        assert status(domain)[1]['/relay']['incarnation'] == 2
    assert_nothing_is_missed(last)


@pytest.mark.once
def test_a_program_that_is_no_master_any_more_is_tried_once_by_each_and_then_seldom(domain, tmp_path):
    refusing, tries, program = tmp_path / 'refusing', tmp_path / 'tries', tmp_path / 'rmw_ckpt'
    program.write_text(f'#!/bin/sh\necho >> {tries}\n[ -e {refusing} ] && exit 1\nexec {shutil.which("rmw_ckpt")} "$@"\n')
    program.chmod(0o700)
    domain.environment['RMW_CKPT_PROGRAM'] = str(program)
    listener = domain.start('listener', '/there')
    counter = domain.start('counter')
    wait_for_more(listener)
    master, before = status(domain)
    refusing.touch()
    tries.unlink()
    os.kill(master, signal.SIGKILL)
    counter.wait_for_line('less and less often')
    listener.wait_for_line('less and less often')
    # Each has one try for nothing, and then one after 1 s, 2 s, 4 s.
    wait_for_more(listener, 500)
    assert 2 <= tries.read_text().count('\n') <= 8
    assert all(x.output().count('less and less often') == 1 for x in (counter, listener))

    refusing.unlink()
    _, after = wait_for_status(domain, lambda now, nodes: len(nodes) == len(before), 'a master again')
    assert who(after) == who(before)
    wait_for_more(listener)
    assert_nothing_is_missed(listener)


def test_a_master_that_a_node_starts_lives_by_nothing_of_that_node(domain):
    """It hears that it is to end, and its engine needs no folder that went with the node."""
    domain.environment.update({'TMPDIR': '/nowhere', 'RMW_CKPT_INTERVAL': '0.5'})
    listener = domain.start('listener', '/there')
    domain.start('counter')
    wait_for_more(listener)
    master, _ = status(domain)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGTERM):
        os.kill(master, number)
        with_end(master)
        master, _ = wait_for_status(
            domain, lambda now, nodes, old=master: now != old and len(nodes) == 2
            and (not HAS_CRIU or all(x['engine'] == 'criu' and x['last_checkpoint'] for x in nodes.values())), 'the next master')
        # A terminal's are the node's business: the master is for the others too.
        for ignored in (signal.SIGHUP, signal.SIGINT):
            os.kill(master, ignored)
        assert status(domain)[0] == master
    wait_for_more(listener)
    assert_nothing_is_missed(listener)
