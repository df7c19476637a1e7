"""Another user who is after the run folder of a node of root's: what he puts there is never restored, and nothing of his is removed."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from conftest import PATIENCE, Domain, is_administrator, new_domain_id

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not is_administrator(), reason='only root can act as another user')]
with_images = pytest.mark.skipif('RMW_CKPT_CRIU' not in os.environ, reason='CRIU cannot run here; there are no images to forge')

NOBODY = 65534
FORGED = 77  # the number of the forged snapshot


def as_nobody(command):
    """Whether a command of the shell works for a user without rights."""
    return subprocess.run(
        ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', 'sh', '-c', command],
        capture_output=True, timeout=60).returncode == 0


def rmw_ckpt(domain, *arguments):
    return subprocess.run(['rmw_ckpt', *arguments], env=domain.environment, capture_output=True, text=True, timeout=60)


def node(domain, name):
    """What `status` says of the process of a node; None: nothing."""
    done = rmw_ckpt(domain, 'status', '--json')
    processes = json.loads(done.stdout)['processes'] if done.returncode == 0 else []
    return next((x for x in processes if name in x['nodes']), None)


def eventually(condition, what):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def tree(folder):
    """All that there is, and whose."""
    return {str(x.relative_to(folder)): (x.lstat().st_uid, x.lstat().st_ino) for x in pathlib.Path(folder).rglob('*')}


def run_folder(domain):
    return pathlib.Path(domain.folder) / domain.environment['ROS_DOMAIN_ID'] / 'run'


class Place:
    """A folder in which root's nodes have theirs, and somebody else may have his."""

    def __init__(self, domain_id):
        self.parent = pathlib.Path(tempfile.mkdtemp(prefix='rmw_ckpt_test-', dir='/dev/shm'))
        self.parent.chmod(0o755)
        self.flag = self.parent / 'flag'  # who runs the forged image takes it away
        self.domain = Domain(str(self.parent / 'robot'), domain_id)
        self.domain.environment['ROS_LOG_DIR'] = str(self.parent / 'log')  # to stay: an image's files have to be there
        self.evil = self.parent / 'evil'
        self.forged = self.parent / 'forged'

    def forge(self):
        """A run folder with an image of another program, from a domain of the same path, as nobody may have made it elsewhere."""
        self.domain.start('listener', '/there')
        self.domain.start('failing', self.flag)
        done = rmw_ckpt(self.domain, 'checkpoint', '/failing')
        assert done.returncode == 0, done.stderr
        shutil.copytree(run_folder(self.domain), self.forged, ignore=shutil.ignore_patterns('master.*'))
        assert rmw_ckpt(self.domain, 'stop', '--all').returncode == 0
        self.domain.close()

    def begin(self):
        """The node that is attacked and one that hears it; a snapshot of it is there."""
        self.domain.peers.clear()
        self.listener = self.domain.start('listener', '/there')
        self.counter = self.domain.start('counter')
        self.listener.wait_for_line('heard 20\n')
        done = rmw_ckpt(self.domain, 'checkpoint', '/counter')
        assert done.returncode == 0, done.stderr
        self.process = node(self.domain, '/counter')['process']
        self.lay_out_evil()
        self.flag.write_text('exit')

    def kill(self, now=None):
        """Ends the node that is attacked, of which this was said; how often it had come back before."""
        now = now or node(self.domain, '/counter')
        os.kill(now['pid'], signal.SIGKILL)
        self.counter.process.wait(PATIENCE)  # its first incarnation is ours to collect; the next ones have its process id
        return now['recoveries']

    def assert_comes_back(self, before):
        """It has come back once more, from its own image, and each number is heard, once and in order, for a while from now on too."""
        def is_back():
            now = node(self.domain, '/counter')
            return now and now['state'] == 'live' and now['recoveries'] == before + 1

        def heard():
            return [int(x) for x in re.findall(r'heard (\d+)\n', self.listener.output())]

        eventually(is_back, 'the node did not come back')
        self.listener.wait_for_line(f'heard {heard()[-1] + 100}\n')
        numbers = heard()
        assert numbers == list(range(1, len(numbers) + 1)), 'not what it would have said'
        assert self.flag.exists(), 'the forged image was restored'
        log = (run_folder(self.domain) / 'master.log').read_text()
        assert f'snapshot {FORGED} ' not in log
        assert log.count('/counter restored from snapshot 1 by criu') == before + 1

    def lay_out(self, folder, parts=None):
        """Puts what is forged, or parts of it, into a run folder, its image as the newest snapshot of the node that is attacked."""
        for part in parts or os.listdir(self.forged):
            copy = shutil.copytree if (self.forged / part).is_dir() else shutil.copy
            copy(self.forged / part, folder / part, **({'dirs_exist_ok': True} if copy is shutil.copytree else {}))
        image = folder / 'images' / self.process / str(FORGED)
        shutil.copytree(next(self.forged.glob('images/*/1')), image)
        manifest = json.loads((image / 'manifest.json').read_text())
        manifest.update(process=int(self.process, 16), number=FORGED, journal_position=0)
        (image / 'manifest.json').write_text(json.dumps(manifest))
        (image / 'manifest.crc').write_text(f'{crc32c((image / "manifest.json").read_bytes()):08x}')

    def lay_out_evil(self):
        """All of what is forged, in a folder of nobody's that may take the place of root's."""
        run = self.evil / run_folder(self.domain).relative_to(self.domain.folder)
        run.mkdir(parents=True)
        self.lay_out(run)
        for path in (self.evil, *self.evil.rglob('*')):
            os.chown(path, NOBODY, NOBODY)

    def close(self):
        self.domain.close()
        shutil.rmtree(self.parent)


def crc32c(data):
    """The sum that manifests have (Castagnoli)."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


@pytest.fixture
def place(domain_id):
    made = Place(domain_id)
    yield made
    made.close()


@pytest.fixture(scope='module')
def attacked():
    """One for all attacks: each leaves it as it was."""
    made = Place(new_domain_id())
    try:
        made.forge()
        made.begin()
        yield made
    finally:
        made.close()


@pytest.mark.parametrize('squat', [
    'chmod 777 {parent}', 'mkdir -m 755 {robot}', 'mkdir -m 700 {robot}; mkdir -p -m 700 {robot}/{id}/run/images/x',
    'ln -s {roots} {robot}'])
def test_where_nobody_may_write_or_was_first_all_refuse(place, squat):
    roots = place.parent / 'roots' / place.domain.environment['ROS_DOMAIN_ID'] / 'run' / 'logs' / 'precious'
    roots.mkdir(parents=True)
    for path in list(roots.parents)[:4]:
        path.chmod(0o700)
    command = squat.format(parent=place.parent, robot=place.domain.folder, roots=place.parent / 'roots', id=roots.parts[-4])
    place.parent.chmod(0o777 if squat.startswith('chmod') else 0o1777)
    assert squat.startswith('chmod') or as_nobody(command)
    before = tree(place.parent)
    node = place.domain.start('counter', ready=False)
    answers = [rmw_ckpt(place.domain, 'doctor'), rmw_ckpt(place.domain, 'master')]
    assert node.process.wait(30) != 0
    for said in (node.output(), *(x.stdout + x.stderr for x in answers)):
        said = ' '.join(said.split())
        assert 'set RMW_CKPT_DIR to a folder of your own' in said
        assert 'others may write to' in said or 'nobody (65534)' in said
    assert all(x.returncode == 1 for x in answers)
    assert tree(place.parent) == before


@with_images
def test_below_a_sticky_parent_nobody_can_put_another_in_its_place(attacked):
    robot, evil, run = attacked.domain.folder, attacked.evil, run_folder(attacked.domain)
    before = tree(evil)
    attacked.parent.chmod(0o1777)
    for victim in (robot, run.parent, run, run / 'images', attacked.flag):
        for attempt in ('mv -T {} {}.away', 'mv -T {evil} {}', 'ln -sfn {evil} {}', 'rm -rf {}', 'rmdir {}', 'chmod 777 {}',
                        'mount --bind {evil} {}', 'cp -r {evil}/. {}'):
            assert not as_nobody(attempt.format(victim, victim, evil=evil)), attempt
    attacked.assert_comes_back(attacked.kill())
    assert tree(evil) == before
    attacked.parent.chmod(0o755)


@with_images
@pytest.mark.parametrize('swap', ['mv -T {evil} {robot}', 'ln -s {evil} {robot}', 'mkdir -m 700 {robot}'])
def test_what_is_swapped_in_under_a_running_master_is_not_gone_by(attacked, swap):
    parent, evil, listener = attacked.parent, attacked.evil, attacked.listener
    robot, away, nobodys = pathlib.Path(attacked.domain.folder), parent / 'robot.away', parent / 'robot.nobodys'
    before, counter = tree(evil), node(attacked.domain, '/counter')
    refused = f'chmod go-w {parent}'
    said = listener.output().count(refused)
    parent.chmod(0o777)
    assert as_nobody(f'mv -T {robot} {away} && ' + swap.format(evil=evil, robot=robot))
    recoveries = attacked.kill(counter)
    for refusal in (rmw_ckpt(attacked.domain, 'doctor'), rmw_ckpt(attacked.domain, 'master')):
        assert refusal.returncode == 1 and 'others may write to' in refusal.stdout + refusal.stderr
    eventually(lambda: listener.output().count(refused) > said, 'who lives did not say why it starts no master')
    # Root puts it right, and all is as before.
    assert robot.lstat().st_uid == NOBODY
    robot.rename(nobodys)
    away.rename(robot)
    parent.chmod(0o755)
    attacked.assert_comes_back(recoveries)
    assert listener.output().count(refused) == said + 1 and 'ended at once' not in listener.output()
    if not evil.exists():
        nobodys.rename(evil)
    elif nobodys.is_symlink():
        nobodys.unlink()
    else:
        nobodys.rmdir()  # it is empty
    assert tree(evil) == before


@with_images
def test_the_forgery_is_one_that_would_be_restored_from_its_owners_folder(attacked):
    """The last one: else the others show nothing."""
    attacked.lay_out(run_folder(attacked.domain), ('processes', 'logs'))
    attacked.kill()
    eventually(lambda: not attacked.flag.exists(), 'the forged image was not restored')
