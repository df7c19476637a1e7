"""The process table of a domain (RUN/table), read as it stands: src/RmwCkpt.Domain/ProcessTable.cs has the layout."""

import mmap
import struct
from pathlib import Path

SLOT_SIZE = 256
FIELDS = {'incarnation': (12, 'I'), 'pid': (24, 'I'), 'state': (28, 'I'), 'id': (32, 'Q'), 'journal_end': (64, 'q'),
          'replayed': (80, 'q'), 'suppressed': (88, 'q'), 'divergences': (96, 'q'), 'lost': (104, 'q'), 'live_at': (112, 'q'),
          'mode': (120, 'I'), 'taken': (128, 'q'), 'published': (136, 'q')}
LIVE_STATE = 1
LIVE_MODE, REPLAY_MODE, CATCH_UP_MODE = 0, 1, 2


class Slot:
    """One process; attributes are named as in FIELDS and read anew each time."""

    def __init__(self, table: mmap.mmap, offset: int):
        self._table = table
        self._offset = offset

    def __getattr__(self, name: str) -> int:
        offset, kind = FIELDS[name]
        return struct.unpack_from(f'<{kind}', self._table, self._offset + offset)[0]


class Table:
    def __init__(self, run: Path):
        with open(run / 'table', 'rb') as file:
            self._table = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    def live(self) -> list:
        slots = (Slot(self._table, offset) for offset in range(0, len(self._table), SLOT_SIZE))
        return [slot for slot in slots if slot.state == LIVE_STATE]

    def find(self, pid: int):
        return next((slot for slot in self.live() if slot.pid == pid), None)
