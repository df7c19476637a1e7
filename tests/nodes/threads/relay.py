#!/usr/bin/env python3
"""As the relay of topics, with four threads: its timer's ticks and its hearing of them go on beside the numbers."""

import os
import time

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import Int64

from running import spin

PERIOD = 0.05  # s
WORK = 0.01  # s of each tick, during which the others work


class Relay(Node):
    def __init__(self, witness: int, depth: int):
        super().__init__('relay')
        self._witness = witness
        self._sum = 0
        self._ticks = 0
        self._heard = 0
        self._publisher = self.create_publisher(Int64, '/sums', depth)
        self.create_subscription(
            Int64, '/numbers', self._on_number, depth, callback_group=MutuallyExclusiveCallbackGroup())
        self._ticker = self.create_publisher(Int64, '/ticks', depth)
        self.create_subscription(Int64, '/ticks', self._on_tick, depth, callback_group=MutuallyExclusiveCallbackGroup())
        self.create_timer(PERIOD, self._tick, callback_group=MutuallyExclusiveCallbackGroup())

    def _on_number(self, message: Int64):
        self._sum += message.data
        os.write(self._witness, b'%d %d\n' % (message.data, self._sum))
        self._publisher.publish(Int64(data=self._sum))

    def _tick(self):
        self._ticks += 1
        self._ticker.publish(Int64(data=self._ticks))
        time.sleep(WORK)

    def _on_tick(self, message: Int64):
        if message.data != self._heard + 1:
            os.write(self._witness, b'tick %d was heard after tick %d\n' % (message.data, self._heard))
        self._heard = message.data


if __name__ == '__main__':
    spin(Relay, __doc__, lambda: MultiThreadedExecutor(num_threads=4))
