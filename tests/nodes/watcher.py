#!/usr/bin/env python3
"""Writes down the sums that it hears on /sums and when. Ends on SIGINT or SIGTERM."""

import argparse
import os
import time

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Int64


class Watcher(Node):
    def __init__(self, witness: int, depth: int):
        super().__init__('watcher')
        self._witness = witness
        self.create_subscription(Int64, '/sums', self._on_sum, depth)

    def _on_sum(self, message: Int64):
        os.write(self._witness, b'%d %d\n' % (message.data, time.monotonic_ns()))


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
