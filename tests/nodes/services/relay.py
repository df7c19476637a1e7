#!/usr/bin/env python3
"""Serves numbers on /numbers, replies their running sum and asks /sums to hear it. Ends on SIGINT or SIGTERM."""

import os

from rclpy.node import Node
from rclpy.qos import QoSProfile
from test_msgs.srv import BasicTypes

from running import spin


class Relay(Node):
    def __init__(self, witness: int, depth: int):
        super().__init__('relay')
        self._witness = witness
        self._sum = 0
        self._client = self.create_client(BasicTypes, '/sums', qos_profile=QoSProfile(depth=depth))
        # Only now: who can ask is answered in full.
        self._client.wait_for_service()
        self.create_service(BasicTypes, '/numbers', self._on_number, qos_profile=QoSProfile(depth=depth))

    def _on_number(self, request, response):
        self._sum += request.int64_value
        os.write(self._witness, b'%d %d\n' % (request.int64_value, self._sum))
        self._client.call_async(BasicTypes.Request(int64_value=self._sum))
        response.int64_value = self._sum
        return response


if __name__ == '__main__':
    spin(Relay, __doc__)
