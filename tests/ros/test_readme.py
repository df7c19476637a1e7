"""What README.md says is typed, typed: the workspace's commands, each rmw_ckpt command, the variables."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading

import pytest

TOP = pathlib.Path(__file__).parent.parent.parent
README = (TOP / 'README.md').read_text()


def section(title):
    return README.split(f'## {title}\n')[1].split('\n## ')[0]


def run(command, folder=TOP, timeout=600, **environment):
    """Runs a line or a script of README as a shell does."""
    done = subprocess.run(
        ['bash', '-ec', command], cwd=folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f'{command}\n{done.stdout}\n{done.stderr}'
    return done.stdout


def test_the_first_commands_are_there():
    # colcon/test runs this, and colcon/demo.
    for command in re.findall(r'^(colcon/\w+)', README, re.MULTILINE):
        assert os.access(TOP / command, os.X_OK), command


def test_a_workspace_builds_and_finds_it(tmp_path):
    script = section('In your own workspace').split('```bash\n')[1].split('```')[0]
    script = '\n'.join(line for line in script.splitlines() if not line.startswith(('ros2 launch your_', 'rmw_ckpt status')))
    (tmp_path / 'ros2_ws' / 'src').mkdir(parents=True)
    # What takes minutes is there already: the C#. Only that and the tests are left out.
    defaults = tmp_path / 'defaults.yaml'
    defaults.write_text(json.dumps({'build': {'cmake-args': [
        '-DBUILD_TESTING=OFF', f'-DRMW_CKPT_DOTNET={TOP}/build/tools']}}))
    said = run(
        f'{script}\necho $RMW_IMPLEMENTATION; which rmw_ckpt; rmw_ckpt --version',
        HOME=str(tmp_path), COLCON_DEFAULTS_FILE=str(defaults), DOTNET_CLI_HOME=str(pathlib.Path.home()),
        NUGET_PACKAGES=os.environ.get('NUGET_PACKAGES', str(pathlib.Path.home() / '.nuget/packages')))
    assert f'{tmp_path}/ros2_ws/install/' in said
    assert list((tmp_path / 'ros2_ws/install').rglob('librmw_ckpt.so'))


def test_all_together(domain):
    first, second = (script.split('```')[0] for script in section('All together').split('```bash\n')[1:])
    environment = {key: domain.environment[key] for key in ('RMW_CKPT_DIR', 'ROS_DOMAIN_ID')}
    peer = domain.start('latched_publisher', 3)
    reader = threading.Thread(target=peer.process.wait)  # its parent collects it
    reader.start()
    said = run(first, **environment)
    assert said.startswith('/latched is killed\n') and 'killed at ' in said and '\n/latched is live again, ' in said, said
    # The console that has an interval goes on: its input ends, and it is a person's to end.
    said = run(second.replace('--interval 60', ''), **environment)
    assert said.startswith('/latched is killed\n/latched is live again, ') and 'NODES' in said, said
    reader.join()


def commands():
    for row in re.findall(r'^\| `(rmw_ckpt [^`]+)`', section('The command'), re.MULTILINE):
        yield row


def fields(said):
    """The names of all fields of a JSON value."""
    if isinstance(said, list):
        return {name for value in said for name in fields(value)}
    return {*said, *fields([*said.values()])} if isinstance(said, dict) else set()


def documented(command):
    """The fields that docs/json.md has for a command."""
    words = ' '.join(re.match(r'rmw_ckpt ((?:journal )?\w+)', command).groups())
    part = re.search(rf'^\| [^|]*`{words}`.*\n(\| \| .*\n)*', (TOP / 'docs/json.md').read_text(), re.MULTILINE)
    return {*re.findall(r'`(\w+)`', part.group())}


@pytest.mark.parametrize('command', [c for c in commands() if not c.startswith(('rmw_ckpt master', 'rmw_ckpt coordinator'))])
def test_a_command(domain, command, tmp_path):
    domain.start('latched_publisher', 3)
    command = command.replace('NODE...\\|--all', '--all' if 'forget' in command else '/latched')
    command = command.replace('[NODE...]', '').replace('[NODE]', '').replace('NODE\\|TOPIC', '/latched')
    command = command.replace('NODE', '/latched').replace('FILE', f'{tmp_path}/file').replace('[--port PORT]', '')
    environment = {key: domain.environment[key] for key in ('RMW_CKPT_DIR', 'ROS_DOMAIN_ID')}
    if command.startswith('rmw_ckpt checkpoint ') and 'RMW_CKPT_CRIU' not in os.environ:
        pytest.skip('CRIU cannot run here: no snapshots are taken')
    assert run(command, **environment).strip()
    if not {'recover', 'stop', 'export', 'metrics'} & {*command.split()}:
        assert fields(json.loads(run(f'{command} --json', **environment))) <= documented(command)


def test_what_was_said_is_exported(domain, tmp_path):
    domain.start('latched_publisher', 3)
    script = section('What was said, in other programs').split('```bash\n')[1].split('```')[0]
    run(script, tmp_path, **{key: domain.environment[key] for key in ('RMW_CKPT_DIR', 'ROS_DOMAIN_ID')})
    assert (tmp_path / 'run.mcap').read_bytes().startswith(b'\x89MCAP')


def test_the_master_in_the_foreground(domain):
    environment = {key: domain.environment[key] for key in ('RMW_CKPT_DIR', 'ROS_DOMAIN_ID')}
    master = subprocess.Popen(
        ['rmw_ckpt', 'master'], env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        # As a terminal starts it: a shell's background job, which these tests may be, ignores SIGINT, and so would it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    guard = threading.Timer(30, master.kill)  # a line that never comes ends the reading
    guard.start()
    try:
        assert 'listens' in master.stdout.readline()
    finally:
        master.send_signal(signal.SIGINT)
        assert master.wait(20) == 0
        guard.cancel()
