"""Real rclpy nodes killed and recovered, by the trial program (tests/RmwCkpt.Trial), which judges what each node wrote.

RMW_CKPT_TRIALS multiplies the numbers of kills. Without CRIU all recoveries are by replay from the start.
"""

import json
import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
SCALE = int(os.environ.get('RMW_CKPT_TRIALS', '1'))
SECONDS_PER_KILL = 60  # the trial's own longest patience
START = 60

POINTS = 'AfterReserve,MidCopy,BeforeCommit,AfterCommit,BeforeTakeRecord,AfterTakeRecord'
REPLAY_POINTS = 'ReplayStart,ReplayMiddle,ReplayEnd'


def find_trial():
    """RMW_CKPT_TRIAL, else the newest build in the work tree."""
    given = os.environ.get('RMW_CKPT_TRIAL')
    if given:
        return given
    built = sorted(
        [*HERE.parent.glob('RmwCkpt.Trial/bin/*/net*/rmw_ckpt_trial'),
         *HERE.parent.parent.glob('build/tools/bin/RmwCkpt.Trial/*/rmw_ckpt_trial')],
        key=lambda path: path.stat().st_mtime)
    if not built:
        pytest.fail('the trial program is not built: dotnet build tests/RmwCkpt.Trial')
    return str(built[-1])


def trial(domain_id, times, *arguments, nodes=''):
    times *= SCALE
    command = [
        find_trial(), '--json', '--program', str(HERE.parent / 'nodes' / nodes), '--domain', str(domain_id), '--times', str(times),
        *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START + SECONDS_PER_KILL * max(times, 4))
    assert done.returncode == 0, f'{" ".join(command)}\n{done.stderr}'
    return json.loads(done.stdout)


def test_a_relay_killed_at_random_moments(domain_id):
    result = trial(domain_id, 5, '--kill', 'relay')
    assert result['kills'] == 5 * SCALE
    assert result['watcher']['lines'] == result['counter']['highest']


def test_a_counter_killed_at_random_moments_is_where_it_would_have_been(domain_id):
    trial(domain_id, 3, '--kill', 'counter')


@pytest.mark.once
def test_a_watcher_killed_at_random_moments(domain_id):
    trial(domain_id, 2, '--kill', 'watcher')


@pytest.mark.once
@pytest.mark.parametrize('nodes,rate,victim', [
    ('services', 50, 'relay'), ('services', 50, 'counter'), ('actions', 20, 'relay'), ('actions', 20, 'counter'),
    ('events', 100, 'relay'), ('events', 100, 'counter'), ('threads', 100, 'relay')])
def test_nodes_that_talk_through(domain_id, nodes, rate, victim):
    if victim == 'counter' and 'RMW_CKPT_CRIU' not in os.environ:
        pytest.skip('CRIU cannot run here; started again by its command, such a counter is not judged well')
    # What a death has delayed comes at once, and a watcher is busy with it: a depth that holds what comes where the machine then
    # gives it no time, which KEEP_LAST takes for a slow one.
    trial(domain_id, 2, '--kill', victim, '--rate', rate, '--depth', 20 * rate, nodes=nodes)


@pytest.mark.once
def test_the_master_killed_under_load_disturbs_nobody(domain_id):
    result = trial(domain_id, 5, '--kill', 'master')
    assert result['counter']['rewritten'] == result['relay']['rewritten'] == 0  # no node was taken for dead


@pytest.mark.once
def test_all_killed_in_turn_and_at_random(domain_id):
    # A depth for what waits where the machine gives a reader no time, which KEEP_LAST takes for a slow one.
    trial(domain_id, 4, '--kill', 'relay,master,counter,watcher', '--depth', 100)
    trial(domain_id, 6, '--kill', 'mixed', '--depth', 100)


@pytest.mark.once
def test_a_relay_killed_at_each_point(domain_id):
    trial(domain_id, 6, '--kill', 'relay', '--point', POINTS)


@pytest.mark.once
def test_a_counter_killed_at_each_point(domain_id):
    trial(domain_id, 3, '--kill', 'counter', '--point', 'AfterReserve,BeforeCommit,AfterCommit')


@pytest.mark.once
def test_a_relay_killed_again_at_each_point_of_its_replay(domain_id):
    assert trial(domain_id, 3, '--kill', 'relay', '--point', REPLAY_POINTS)['kills'] == 6 * SCALE


@pytest.mark.once
@pytest.mark.parametrize('point', ['SegmentRoll', 'JournalRoll'])
def test_a_relay_killed_at_a_roll(domain_id, point):
    # Rolls take a full segment or journal file of messages, fast ones; a depth for what waits on a busy machine.
    trial(domain_id, 1, '--kill', 'relay', '--point', point, '--rate', 400, '--depth', 400)


@pytest.mark.once
def test_a_stopped_node_is_not_dead(domain_id):
    # 3.5 s of messages wait for it: a depth that holds them.
    trial(domain_id, 1, '--kill', 'relay', '--pause', 3.5, '--depth', 2000)
    trial(domain_id, 1, '--kill', 'counter', '--pause', 3.5)


def test_recovery_by_replay_alone(domain_id):
    result = trial(domain_id, 3, '--kill', 'relay,counter,watcher', '--engine', 'none')
    assert result['engine'] == 'none'
