"""Where the parts are (ROS 2, the RMW, the benchmark's own program), and an environment to run one line in."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]


def _sourced(setup: Path) -> dict:
    """The environment after sourcing a setup.bash."""
    text = subprocess.run(['bash', '-c', '. "$1" >&2; env -0', 'bash', setup], stdout=subprocess.PIPE, check=True, text=True,
                          timeout=60).stdout
    return dict(entry.split('=', 1) for entry in text.split('\0') if '=' in entry)


def find_setup(distro: str) -> Path:
    """ROS 2's setup.bash as colcon/ros2 has it; made by it when it is not there."""
    lines = subprocess.run([TOP / 'colcon' / 'ros2', distro], stdout=subprocess.PIPE, check=True, text=True, timeout=900).stdout
    return Path(lines.splitlines()[-1])


def find_installation(given: str, distro: str) -> Path:
    """The prefix that rmw_ckpt is installed in."""
    candidates = [Path(given)] if given else [TOP / 'install' / distro]
    for prefix in candidates:
        for folder in (prefix, prefix / 'rmw_ckpt'):
            if (folder / 'lib' / 'librmw_ckpt.so').exists():
                return folder.resolve()
    raise SystemExit(f'no lib/librmw_ckpt.so in {candidates[0]}: run colcon/build, or give --prefix')


def find_criu() -> str:
    private = TOP / '.criu' / 'bin' / 'criu'
    return os.environ.get('RMW_CKPT_CRIU') or (str(private) if private.exists() else shutil.which('criu') or '')


def base(distro: str, prefix: Path) -> dict:
    """ROS 2 with rmw_ckpt found before all else; nothing of the caller's own RMW settings."""
    unwanted = ('RMW_', 'ROS_DOMAIN', 'FASTRTPS', 'CYCLONE')
    env = {k: v for k, v in _sourced(find_setup(distro)).items() if not k.startswith(unwanted)}
    for variable, folder in (('LD_LIBRARY_PATH', 'lib'), ('PATH', 'bin'), ('AMENT_PREFIX_PATH', '')):
        env[variable] = f'{prefix / folder}:{env.get(variable, "")}'
    return env


def build(env: dict, folder: Path) -> Path:
    """Builds rcl_bench, whose own message's libraries the environment then has; nothing is done when nothing has changed."""
    source = Path(__file__).resolve().parents[1]
    for command in (['cmake', '-S', source, '-B', folder], ['cmake', '--build', folder]):
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
        if done.returncode != 0:
            raise SystemExit(f'rcl_bench cannot be built:\n{done.stdout}')
    env['LD_LIBRARY_PATH'] = f'{folder}:{env["LD_LIBRARY_PATH"]}'
    return folder / 'rcl_bench'


class Domain:
    """A domain of its own for one measurement: its number, its run folder, its environment. Cleans up behind it."""

    _next = 0

    def __init__(self, env: dict, rmw: str, **more: str):
        # Below 102, where DDS' ports meet the ephemeral ones; another for each, for Fast DDS leaves things in /dev/shm.
        Domain._next += 1
        self.number = 1 + (os.getpid() + Domain._next) % 100
        self.folder = Path(tempfile.mkdtemp(prefix='rmw_ckpt-bench-', dir='/dev/shm'))
        self.run = self.folder / str(self.number) / 'run'
        self.env = dict(env, RMW_IMPLEMENTATION=rmw, ROS_DOMAIN_ID=str(self.number), RMW_CKPT_DIR=str(self.folder),
                        ROS_AUTOMATIC_DISCOVERY_RANGE='LOCALHOST', RMW_CKPT_CRIU=find_criu(), TZ='UTC')
        self.env.update(more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop_master()
        shutil.rmtree(self.folder, ignore_errors=True)
        # What Fast DDS leaves of a process that had to be ended by force would stand in the way of the next in this domain.
        for port in range(7400 + 250 * self.number, 7650 + 250 * self.number):
            for file in Path('/dev/shm').glob(f'*fastrtps_port{port}*'):
                file.unlink(missing_ok=True)

    def master_pid(self):
        """Who listens on the master's socket; None: nobody."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(2)
            try:
                s.connect(str(self.run / 'master.sock'))
            except OSError:
                return None
            return struct.unpack('3i', s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]

    def stop_master(self):
        pid = self.master_pid()
        for number in (signal.SIGTERM, signal.SIGKILL):
            for _ in range(100):
                if pid is None or not _signal(pid, number):
                    return
                time.sleep(0.02)


def _signal(pid: int, number: int) -> bool:
    """False: there is no such process (any more)."""
    try:
        os.kill(pid, number)
        with open(f'/proc/{pid}/stat') as stat:
            return stat.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False
