"""What a node's events say, checked against what they said before: each total is the last one and the change since."""

import os

from rclpy.duration import Duration
from rclpy.qos import LivelinessPolicy, QoSProfile


def qos(depth: int) -> QoSProfile:
    """Short enough that a death, a freeze or a busy machine misses the deadline, and the lease runs out."""
    return QoSProfile(
        depth=depth, deadline=Duration(seconds=0.03), liveliness=LivelinessPolicy.MANUAL_BY_TOPIC,
        liveliness_lease_duration=Duration(seconds=0.1))


class Statuses:
    def __init__(self, witness: int):
        self._witness = witness
        self._counts = {}

    def of(self, event: str, *counts: str):
        """A callback for an event that has these counts (fields NAME and NAME_change)."""
        def check(info):
            for count in counts:
                now, change = getattr(info, count), getattr(info, f'{count}_change')
                before = self._counts.get((event, count), 0)
                self._counts[event, count] = now
                if now < 0 or now != before + change:
                    # A line that is no number: the judge counts it.
                    os.write(self._witness, b'%s: %s was %d, is %d, changed by %d\n' % (
                        event.encode(), count.encode(), before, now, change))
        return check
