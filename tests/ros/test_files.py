"""What nodes leave in the run folder, and that it goes."""

import os
import pathlib
import time

import pytest

PATIENCE = 60  # s


@pytest.mark.once
@pytest.mark.skipif('RMW_CKPT_CRIU' not in os.environ, reason='CRIU cannot run here; logs stay until nodes leave')
def test_logs_of_destroyed_endpoints_go_when_nobody_can_be_rolled_back_to_them(domain, domain_id):
    logs = pathlib.Path(domain.folder) / str(domain_id) / 'run' / 'logs'
    settings = {'RMW_CKPT_INTERVAL': '0.2'}
    domain.start('churn_listener', **settings)
    # What a node has for itself.
    ordinary = 2 * len(list(logs.iterdir()))
    rounds = 100
    churner = domain.start('churner', rounds, **settings)
    churner.wait_for_line('churned')
    end = time.monotonic() + PATIENCE
    while (left := len(list(logs.iterdir()))) > ordinary:
        assert time.monotonic() < end, f'{left} logs are there after {PATIENCE} s'
        time.sleep(0.1)
    churner.kill()
