"""What colcon/package makes, installed by an ordinary user where there is no .NET SDK: two nodes talk by it."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from conftest import Domain, is_administrator
from looking import assert_nothing_is_missed, wait_for_more, wait_for_status

pytestmark = pytest.mark.once

TOP = pathlib.Path(__file__).parent.parent.parent
DISTRO = os.environ['ROS_DISTRO']
USER = 12345
AS_USER = ('setpriv', f'--reuid={USER}', f'--regid={USER}', '--clear-groups') if is_administrator() else ()
PLAIN = {name: os.environ[name] for name in ('PATH', 'HOME', 'LANG') if name in os.environ}


def last_line(command, **environment):
    done = subprocess.run(command, env={**PLAIN, **environment}, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.fixture
def home():
    """A folder of an ordinary user."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix='rmw_ckpt_test-', dir='/var/tmp'))
    if AS_USER:
        os.chown(folder, USER, USER)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def domain(home, domain_id):
    """A domain whose nodes know of the unpacked package and of ROS 2 itself, and of no build."""
    package = last_line([TOP / 'colcon/package', DISTRO])
    subprocess.run([*AS_USER, 'dpkg-deb', '-x', package, home], check=True, cwd='/', timeout=60)
    prefix = home / 'opt/ros' / DISTRO
    setup = last_line([TOP / 'colcon/ros2', DISTRO])
    said = subprocess.run(
        [*AS_USER, 'bash', '-c', f'. {setup} && . {prefix}/share/rmw_ckpt/local_setup.bash && env -0'],
        env=PLAIN, capture_output=True, text=True, check=True, timeout=60).stdout
    run = pathlib.Path(tempfile.mkdtemp(prefix='rmw_ckpt_test-', dir='/dev/shm'))
    if AS_USER:
        os.chown(run, USER, USER)
    made = Domain(str(run), domain_id)
    ours = {name: value for name, value in made.environment.items() if name.startswith(('RMW_', 'ROS_DOMAIN', 'ROS_LOG', 'PYTHONUNB'))}
    made.environment = {
        **dict(entry.split('=', 1) for entry in said.split('\0') if entry), **ours, 'HOME': str(home), 'RMW_CKPT_ENGINE': 'none',
        'DOTNET_ROOT': '/nowhere'}
    made.prefix = prefix
    yield made
    made.close()


def test_nodes_of_a_user_run_by_the_package_alone(domain):
    counter = domain.start('counter', prefix=AS_USER)
    listener = domain.start('listener', '/there', prefix=AS_USER)
    wait_for_more(listener)
    for peer in (counter, listener):
        mapped = {line.split()[-1] for line in open(f'/proc/{peer.pid}/maps') if 'rmw_ckpt.so' in line or 'RmwCkpt.Core' in line}
        assert mapped == {f'{domain.prefix}/lib/librmw_ckpt.so', f'{domain.prefix}/lib/libRmwCkpt.Core.so'}
    master, _ = wait_for_status(domain, lambda _, nodes: '/counter' in nodes, 'the counter', AS_USER)
    assert os.readlink(f'/proc/{master}/exe') == f'{domain.prefix}/bin/rmw_ckpt'
    assert_nothing_is_missed(listener)
