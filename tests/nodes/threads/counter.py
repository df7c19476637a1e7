#!/usr/bin/env python3
"""Publishes 1, 2, 3, ... on /numbers, as soon as somebody listens. Ends on SIGINT or SIGTERM."""

from rclpy.node import Node
from std_msgs.msg import Int64

from running import count, write_stamped


class Counter(Node):
    def __init__(self, witness: int, depth: int):
        super().__init__('counter')
        self._witness = witness
        self._number = 0
        self._publisher = self.create_publisher(Int64, '/numbers', depth)

    def has_listener(self) -> bool:
        return self._publisher.get_subscription_count() > 0

    def start(self, rate: float):
        self.create_timer(1.0 / rate, self._tick)

    def _tick(self):
        self._number += 1
        write_stamped(self._witness, self._number)
        self._publisher.publish(Int64(data=self._number))


if __name__ == '__main__':
    count(Counter, __doc__)
