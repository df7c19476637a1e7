#!/usr/bin/env python3
"""listener.py [TOPIC]: says the numbers that it hears, and each that was missed or came again."""

import sys

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Int64


class Listener(Node):
    def __init__(self, topic):
        super().__init__('listener')
        self._last = None
        self.create_subscription(Int64, topic, self._hear, 100)

    def _hear(self, message):
        number = message.data
        if self._last is not None and number <= self._last:
            print(f'REPEATED {number} after {self._last}', flush=True)
        elif self._last is not None and number > self._last + 1:
            print(f'missed {self._last + 1} to {number - 1}', flush=True)
        print(f'heard {number}', flush=True)
        self._last = number


rclpy.init()
try:
    rclpy.spin(Listener(sys.argv[1] if len(sys.argv) > 1 else 'numbers'))
except (KeyboardInterrupt, ExternalShutdownException):
    pass
