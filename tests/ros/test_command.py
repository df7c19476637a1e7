"""The command as shells, ros2 and monitors have it: completion, `ros2 ckpt`, metrics."""

import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.request

import pytest

from looking import FURTHER, wait_for_more, wait_for_status

pytestmark = pytest.mark.once

PREFIX = pathlib.Path(shutil.which('rmw_ckpt')).parent.parent
PATIENCE = 30  # s

# As ros2 runs its verbs; where ros2cli is not installed, what an extension wants of it stands in for it.
ROS2 = '''
import argparse, importlib.metadata, sys, types
try:
    import ros2cli.command
except ImportError:
    sys.modules['ros2cli'] = types.ModuleType('ros2cli')
    sys.modules['ros2cli.command'] = types.ModuleType('ros2cli.command')
    sys.modules['ros2cli.command'].CommandExtension = object
extension = next(iter(importlib.metadata.entry_points(group='ros2cli.command', name='ckpt'))).load()()
parser = argparse.ArgumentParser()
extension.add_arguments(parser.add_subparsers().add_parser('ckpt'), 'ros2')
sys.exit(extension.main(parser=parser, args=parser.parse_args(['ckpt', *sys.argv[1:]])))
'''


def ros2_ckpt(domain, *words):
    return subprocess.run(
        [sys.executable, '-c', ROS2, *words], env=domain.environment, capture_output=True, text=True, timeout=PATIENCE)


def test_ros2_ckpt_is_the_command(domain):
    domain.start('latched_publisher', 1)
    done = ros2_ckpt(domain, 'status', '--json')
    assert (done.returncode, done.stderr) == (0, '')
    assert [process['nodes'] for process in json.loads(done.stdout)['processes']] == [['/latched']]
    assert 'did you mean /latched?' in ros2_ckpt(domain, 'journal', 'show', 'lached').stderr
    assert ros2_ckpt(domain, 'nothing').returncode == 2
    assert 'journal' in ros2_ckpt(domain, '--help').stdout


def test_bash_completes(domain):
    domain.start('latched_publisher', 1)
    for typed, expected in {
        'rmw_ckpt journal ver': 'verify',
        'rmw_ckpt journal show /lat': '/latched',
        'rmw_ckpt journal show lat': 'latched',
        'rmw_ckpt journal export --topics /ros': '/rosout',
        'rmw_ckpt recover /': '/latched',
    }.items():
        words = typed.split()
        script = (
            f'. {PREFIX}/share/rmw_ckpt/environment/rmw_ckpt.bash; COMP_WORDS=({typed}) COMP_CWORD={len(words) - 1}; '
            f'COMP_LINE="{typed}" COMP_POINT={len(typed)}; _rmw_ckpt; printf "%s\\n" "${{COMPREPLY[@]}}"')
        said = subprocess.run(
            ['bash', '-c', script], env=domain.environment, capture_output=True, text=True, check=True, timeout=PATIENCE)
        found = said.stdout.split()
        assert expected in found and all(word.startswith(words[-1]) for word in found), (typed, found, said.stderr)


def scrape(url):
    """The samples: each with its labels, by their families' names."""
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        assert answer.headers['Content-Type'].startswith('application/openmetrics-text')
        text = answer.read().decode()
    assert text.endswith('\n# EOF\n')
    return {(name, node): float(value) for name, node, value in re.findall(r'^rmw_ckpt_(\w+)\{(?:node="([^"]*)")?[^}]*\} (\S+)$', text, re.M)}


def test_metrics_say_how_nodes_are(domain):
    counter = domain.start('counter')
    listener = domain.start('listener', '/there')
    wait_for_more(listener)
    server = subprocess.Popen(['rmw_ckpt', 'metrics', '--port', '0'], env=domain.environment, stdout=subprocess.PIPE, text=True)
    guard = threading.Timer(PATIENCE, server.kill)  # a line that never comes ends the reading
    guard.start()
    try:
        url = server.stdout.readline().strip()
        guard.cancel()
        before = scrape(url)
        wait_for_more(listener)
        after = scrape(url)
        assert after['published_total', '/counter'] >= before['published_total', '/counter'] + FURTHER
        assert after['journal_cells_total', '/listener'] > before['journal_cells_total', '/listener'] > 0
        assert after['up', ''] == after['live', '/counter'] == 1
        assert after['recoveries_total', '/counter'] == after['lost_total', '/listener'] == 0
        assert 0 < after['memory_used_bytes', ''] < after['memory_budget_bytes', '']
        counter.kill()
        wait_for_status(
            domain, lambda _, nodes: nodes['/counter']['recoveries'] == 1 and nodes['/counter']['last_silence'] > 0, 'the counter to be back')
        again = scrape(url)
        assert again['recoveries_total', '/counter'] == 1 and again['last_silence_seconds', '/counter'] > 0
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(PATIENCE) == 0
        guard.cancel()
