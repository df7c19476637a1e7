"""What the master writes down about snapshots and recoveries (RUN/master.log)."""

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

_LINE = re.compile(r'^(\S+ \S+) \S+ +\[master\] (.*)$')
_SNAPSHOT = re.compile(r'(.*): snapshot (\d+) taken: frozen ([\d.]+) ms, ([\d.]+) ms in all, (\d+) bytes')
_RESTORE = re.compile(r'(.*) restored from snapshot (\d+) by (\w+) in ([\d.]+) ms')


@dataclass(frozen=True)
class Snapshot:
    at: int  # ns since the epoch: its end
    node: str
    frozen_ms: float
    total_ms: float
    size: int


@dataclass(frozen=True)
class Restore:
    at: int
    node: str
    ms: float


def _lines(run: Path):
    for line in (run / 'master.log').read_text(errors='replace').splitlines():
        if match := _LINE.match(line):
            # Domain.env has TZ=UTC.
            at = datetime.strptime(match[1], '%Y-%m-%d %H:%M:%S.%f').replace(tzinfo=timezone.utc)
            yield int(at.timestamp() * 1e6) * 1000, match[2]


def snapshots(run: Path) -> list:
    return [Snapshot(at, m[1].strip('/'), float(m[3]), float(m[4]), int(m[5]))
            for at, text in _lines(run) if (m := _SNAPSHOT.match(text))]


def restores(run: Path) -> list:
    return [Restore(at, m[1].strip('/'), float(m[4])) for at, text in _lines(run) if (m := _RESTORE.match(text))]


def complaints(run: Path) -> list:
    """Lines of a level above information: they go to whoever reads the figures."""
    text = (run / 'master.log').read_text(errors='replace')
    return [line for line in text.splitlines() if re.match(r'^\S+ \S+ (WARN|ERROR|CRIT)', line)]
