#!/usr/bin/env python3
"""Serves sums on /sums: writes them down, and when they came. Ends on SIGINT or SIGTERM."""

import os
import time

from rclpy.node import Node
from rclpy.qos import QoSProfile
from test_msgs.srv import BasicTypes

from running import spin


class Watcher(Node):
    def __init__(self, witness: int, depth: int):
        super().__init__('watcher')
        self._witness = witness
        self.create_service(BasicTypes, '/sums', self._on_sum, qos_profile=QoSProfile(depth=depth))

    def _on_sum(self, request, response):
        os.write(self._witness, b'%d %d\n' % (request.int64_value, time.monotonic_ns()))
        return response


if __name__ == '__main__':
    spin(Watcher, __doc__)
