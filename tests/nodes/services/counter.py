#!/usr/bin/env python3
"""Sends 1, 2, 3, ... as requests to /numbers and checks the replies. Ends on SIGINT or SIGTERM."""

import os

from rclpy.node import Node
from rclpy.qos import QoSProfile
from test_msgs.srv import BasicTypes

from running import count, write_stamped


class Counter(Node):
    def __init__(self, witness: int, depth: int):
        super().__init__('counter')
        self._witness = witness
        self._number = 0
        self._replied = 0
        self._sum = 0
        self._client = self.create_client(BasicTypes, '/numbers', qos_profile=QoSProfile(depth=depth))

    def has_listener(self) -> bool:
        return self._client.service_is_ready()

    def start(self, rate: float):
        self.create_timer(1.0 / rate, self._tick)

    def _tick(self):
        self._number += 1
        write_stamped(self._witness, self._number)
        future = self._client.call_async(BasicTypes.Request(int64_value=self._number))
        future.add_done_callback(self._on_reply)

    def _on_reply(self, future):
        self._replied += 1
        self._sum += self._replied
        if future.result().int64_value != self._sum:
            # A line that is no number: the judge counts it.
            os.write(self._witness, b'reply %d: %d is wrong\n' % (self._replied, future.result().int64_value))


if __name__ == '__main__':
    count(Counter, __doc__)
