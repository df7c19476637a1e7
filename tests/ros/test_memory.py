"""Domains in a small file system: a container's /dev/shm has 64 MiB."""

import json
import os
import shutil
import subprocess
import tempfile

import pytest

from conftest import Domain, is_administrator

SIZE = 64 << 20


@pytest.fixture
def small_domain(domain_id):
    folder = tempfile.mkdtemp(prefix='rmw_ckpt_test-', dir='/dev/shm')
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={SIZE},mode=700', 'tmpfs', folder], check=True)
    made = Domain(folder, domain_id)
    # Seen before the first snapshot would be due, which none of these needs.
    made.environment['RMW_CKPT_ENGINE'] = 'none'
    try:
        yield made
    finally:
        made.close()
        subprocess.run(['umount', '-l', folder], check=True)
        shutil.rmtree(folder)


def status(domain):
    said = subprocess.run(['rmw_ckpt', 'status', '--json'], env=domain.environment, check=True, capture_output=True)
    return json.loads(said.stdout)


@pytest.mark.once
@pytest.mark.skipif(not is_administrator(), reason='mounting a small tmpfs needs root with CAP_SYS_ADMIN')
def test_a_camera_goes_on_in_64_mib_whoever_joins_dies_or_fills_it(small_domain):
    viewer = small_domain.start('viewer')
    camera = small_domain.start('camera')
    viewer.wait_for_line('seen 45')
    said = status(small_domain)
    assert said['memory_budget'] == SIZE // 4
    assert said['memory_used'] < SIZE // 3

    # Somebody else takes the rest.
    other = os.path.join(small_domain.folder, 'other')
    with open(other, 'wb', buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            pass
    seen = max(int(line.split()[1]) for line in viewer.lines if line.startswith('seen'))
    viewer.wait_for_line(f'seen {seen + 45}')
    os.remove(other)

    late = small_domain.start('viewer')
    late.wait_for_line('seen 15')
    camera.kill()
    seen = max(int(line.split()[1]) for line in viewer.lines if line.startswith('seen'))
    viewer.wait_for_line(f'seen {seen + 45}')
    assert all(p['state'] != 'final' for p in status(small_domain)['processes'])
