"""The command as shells and ros2 have it: completion, and `ros2 ckpt`."""

import json
import pathlib
import shutil
import subprocess
import sys

import pytest

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
