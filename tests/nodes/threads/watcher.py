#!/usr/bin/env python3
"""Writes down the sums that it hears on /sums and when. Ends on SIGINT or SIGTERM."""

import os
import time

from rclpy.node import Node
from std_msgs.msg import Int64

from running import spin


class Watcher(Node):
    def __init__(self, witness: int, depth: int):
        super().__init__('watcher')
        self._witness = witness
        self.create_subscription(Int64, '/sums', self._on_sum, depth)

    def _on_sum(self, message: Int64):
        os.write(self._witness, b'%d %d\n' % (message.data, time.monotonic_ns()))


if __name__ == '__main__':
    spin(Watcher, __doc__)
