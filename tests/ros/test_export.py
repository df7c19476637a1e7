"""`rmw_ckpt journal export`, read back by readers that are not ours, and compared with what the nodes said and heard."""

import collections
import csv
import json
import pathlib
import re
import subprocess

import pytest

from looking import assert_nothing_is_missed, heard, wait_for_more, wait_for_status, wait_until
from small import administrator

mcap_reader = pytest.importorskip('mcap.reader')
mcap_stream = pytest.importorskip('mcap.stream_reader')
mcap_ros2 = pytest.importorskip('mcap_ros2.decoder')
rosbags = pytest.importorskip('rosbags.highlevel')

pytestmark = pytest.mark.once

PATIENCE = 60  # s
CALLS = 12
EVENTS = '/rmw_ckpt/events'


def export(domain, file, *options, code=0):
    """Returns what the command says."""
    done = subprocess.run(
        ['rmw_ckpt', 'journal', 'export', '-o', str(file), *options], env=domain.environment, capture_output=True, text=True,
        timeout=PATIENCE)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def export_lines(domain, *options):
    """What it prints."""
    return subprocess.run(
        ['rmw_ckpt', 'journal', 'export', *options], env=domain.environment, capture_output=True, text=True, check=True,
        timeout=PATIENCE).stdout.splitlines()


def read(file):
    """By mcap and mcap-ros2-support: the messages of each topic, decoded, in the order of their times."""
    messages = collections.defaultdict(list)
    with open(file, 'rb') as stream:
        # From the beginning to the end, with each checksum.
        kinds = collections.Counter(
            type(record).__name__ for record in mcap_stream.StreamReader(stream, validate_crcs=True).records)
    with open(file, 'rb') as stream:
        # By its indexes.
        reader = mcap_reader.make_reader(stream, decoder_factories=[mcap_ros2.DecoderFactory()], validate_crcs=True)
        statistics = reader.get_summary().statistics
        assert reader.get_header().profile == 'ros2'
        topics = {channel.topic for channel in reader.get_summary().channels.values()}
        # Names that have two underscores, as those of actions, this reader does not take.
        for _, channel, message, decoded in reader.iter_decoded_messages(topics=[t for t in topics if '/_action/' not in t]):
            messages[channel.topic].append((message.log_time, decoded))
        counts = {reader.get_summary().channels[number].topic: n for number, n in statistics.channel_message_counts.items() if n}
    assert kinds['Message'] == statistics.message_count == sum(counts.values())
    assert {topic: len(of) for topic, of in messages.items()} == {t: n for t, n in counts.items() if '/_action/' not in t}
    return messages, counts


def read_by_rosbags(file):
    """The messages of each topic, decoded; types of services this reader does not take."""
    messages = collections.defaultdict(list)
    with rosbags.AnyReader([pathlib.Path(file)]) as reader:
        connections = [connection for connection in reader.connections if '/srv/' not in connection.msgtype]
        assert all(connection.ext.offered_qos_profiles for connection in connections)
        for connection, _, raw in reader.messages(connections):
            messages[connection.topic].append(reader.deserialize(raw, connection.msgtype))
    return messages


def listed(domain):
    said = subprocess.run(['rmw_ckpt', 'journal', 'list', '--json'], env=domain.environment, capture_output=True, check=True)
    names = {'messages': '', 'requests': '/_request', 'replies': '/_reply'}
    counts = collections.Counter()
    for log in json.loads(said.stdout):
        counts[log['topic'] + names[log['kind']]] += log['messages']
    return {topic: n for topic, n in counts.items() if n}


def assert_are_all(counts, expected):
    """All that logs' heads tell of; and of each one more at most: who was killed had said that, and not told of it yet."""
    assert {*counts} - {EVENTS} == {*expected}
    assert all(0 <= counts[topic] - n <= 2 for topic, n in expected.items()), (counts, expected)


def assert_nothing_is_damaged(domain, messages):
    said = json.loads(subprocess.run(
        ['rmw_ckpt', 'journal', 'verify', '--json'], env=domain.environment, capture_output=True, check=True, timeout=PATIENCE).stdout)
    good = {part['what']: part['good'] for part in said['checked']}
    assert good['logs'] >= messages and good['journals'] > 0, said


def assert_is_what_was_said(messages):
    numbers = [decoded.data for _, decoded in messages['/there']]
    assert numbers == list(range(1, len(numbers) + 1)), 'each number once, in order'
    assert [decoded.int64_value for _, decoded in messages['/add_one/_request']] == list(range(CALLS))
    assert sorted(decoded.int64_value for _, decoded in messages['/add_one/_reply']) == list(range(1, CALLS + 1))


def test_what_was_said_is_read_by_others_from_the_living_and_the_dead(domain, tmp_path):
    counter = domain.start('counter')
    listener = domain.start('listener', '/there')
    domain.start('service_server')
    domain.start('action_server')
    domain.run('service_client', 'c', CALLS)
    domain.run('action_client')
    wait_for_more(listener)
    counter.kill()
    wait_for_status(
        domain, lambda _, nodes: nodes['/counter']['recoveries'] == 1 and nodes['/counter']['state'] == 'live', 'the counter to be back')
    wait_for_more(listener)
    # The master says so a moment after it is.
    log = pathlib.Path(domain.folder) / domain.environment['ROS_DOMAIN_ID'] / 'run/master.log'
    wait_until(lambda: '/counter is live again' in log.read_text(), 'the master to log that')

    living = tmp_path / 'living.mcap'
    export(domain, living)
    messages, _ = read(living)
    assert_is_what_was_said(messages)
    said = '\n'.join(decoded.msg for _, decoded in messages[EVENTS])
    assert re.search(r'/counter died .*signal 9.*\n(.*\n)*.*/counter is live again: [0-9.]+ ms of silence', said), said

    assert_nothing_is_damaged(domain, len(messages['/there']))
    domain.kill_all()
    assert_nothing_is_missed(listener)
    expected = listed(domain)
    assert_nothing_is_damaged(domain, sum(expected.values()))
    contents = []
    for compression in ('zstd', 'lz4', 'none'):
        file = tmp_path / f'{compression}.mcap'
        export(domain, file, '--compression', compression)
        messages, counts = read(file)
        assert_is_what_was_said(messages)
        assert set(heard(listener)) <= {decoded.data for _, decoded in messages['/there']}
        assert_are_all(counts, expected)
        contents.append({topic: [(time, str(decoded)) for time, decoded in of] for topic, of in messages.items()})
    assert contents[0] == contents[1] == contents[2]
    others = read_by_rosbags(file)
    assert {topic: len(of) for topic, of in others.items()} == {t: n for t, n in counts.items() if t in others}
    assert [message.data for message in others['/there']] == [decoded.data for _, decoded in messages['/there']]
    assert [tuple(message.feedback.sequence) for message in others['/fibonacci/_action/feedback']][0] == (0, 1, 1)

    lines = [json.loads(line) for line in export_lines(domain, '--json')]
    assert not [line for line in lines if 'error' in line]
    assert collections.Counter(line['topic'] for line in lines if line['kind'] == 'messages') == {
        topic: n for topic, n in counts.items() if topic != EVENTS and not topic.endswith(('_request', '_reply'))}
    assert [line['message'] for line in lines if line['topic'] == '/there'] == [{'data': n + 1} for n in range(counts['/there'])]
    rows = list(csv.DictReader(export_lines(domain, '--csv')))
    assert [{**row, 'message': json.loads(row['message'])} for row in rows if row['topic'] == '/there'] == [
        {**line, 'time': str(line['time']), 'sequence': str(line['sequence']), 'error': ''} for line in lines if line['topic'] == '/there']
    assert len(rows) == len(lines)

    # A part of it: one node's, from its second message to its third.
    times = [time for time, _ in messages['/there']]
    part = tmp_path / 'part.mcap'
    moments = [f'{time // 10**9}.{time % 10**9:09}' for time in times[1:3]]
    export(domain, part, '--topics', 'th.*', '--node', 'counter', '--from', moments[0], '--to', moments[1])
    assert [decoded.data for _, decoded in read(part)[0]['/there']] == [2, 3]


@administrator
def test_a_full_disk_leaves_no_file(domain, tmp_path):
    domain.start('big_publisher')
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', tmp_path], check=True)
    try:
        file = tmp_path / 'out.mcap'
        file.write_text('what was there')
        assert 'No space left' in export(domain, file, '--compression', 'none', code=1)
        assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [('out.mcap', 'what was there')]
    finally:
        subprocess.run(['umount', '-l', tmp_path], check=True)
