#!/usr/bin/env python3
"""Hears numbers on /numbers and publishes their running sum on /sums. Ends on SIGINT or SIGTERM."""

import os

from rclpy.node import Node
from std_msgs.msg import Int64

from running import spin


class Relay(Node):
    def __init__(self, witness: int, depth: int):
        super().__init__('relay')
        self._witness = witness
        self._sum = 0
        self._publisher = self.create_publisher(Int64, '/sums', depth)
        self.create_subscription(Int64, '/numbers', self._on_number, depth)

    def _on_number(self, message: Int64):
        self._sum += message.data
        os.write(self._witness, b'%d %d\n' % (message.data, self._sum))
        self._publisher.publish(Int64(data=self._sum))


if __name__ == '__main__':
    spin(Relay, __doc__)
