#!/usr/bin/env python3
"""Serves sums on /sums: writes them down, and when they came. Ends on SIGINT or SIGTERM."""

import argparse
import os
import time

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import QoSProfile
from test_msgs.srv import BasicTypes


class Watcher(Node):
    def __init__(self, witness: int, depth: int):
        super().__init__('watcher')
        self._witness = witness
        self.create_service(BasicTypes, '/sums', self._on_sum, qos_profile=QoSProfile(depth=depth))

    def _on_sum(self, request, response):
        os.write(self._witness, b'%d %d\n' % (request.int64_value, time.monotonic_ns()))
        return response


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--depth', type=int, default=10)
    parser.add_argument('--witness', required=True, help='file for a line per sum')
    args, rest = parser.parse_known_args()

    rclpy.init(args=rest)
    try:
        rclpy.spin(Watcher(os.open(args.witness, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), args.depth))
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # rclpy's signal handler shuts down


if __name__ == '__main__':
    main()
