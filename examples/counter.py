#!/usr/bin/env python3
"""Counts, and says each number. What it has come to is in its memory alone: kill it with SIGKILL, and it goes on from there."""

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Int64


class Counter(Node):
    def __init__(self):
        super().__init__('counter')
        self._number = 0
        self._publisher = self.create_publisher(Int64, 'numbers', 100)
        self.create_timer(0.05, self._count)

    def _count(self):
        self._number += 1
        self._publisher.publish(Int64(data=self._number))


rclpy.init()
try:
    rclpy.spin(Counter())
except (KeyboardInterrupt, ExternalShutdownException):
    pass
