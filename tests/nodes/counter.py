#!/usr/bin/env python3
"""Publishes 1, 2, 3, ... on /numbers, as soon as somebody listens. Ends on SIGINT or SIGTERM."""

import argparse
import os
import signal

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import Int64


class Counter(Node):
    def __init__(self, witness: int, depth: int):
        super().__init__('counter')
        self._witness = witness
        self._number = 0
        self._publisher = self.create_publisher(Int64, '/numbers', depth)

    def has_listener(self) -> bool:
        return self._publisher.get_subscription_count() > 0

    def start(self, rate: float):
        self.create_timer(1.0 / rate, self._tick)

    def _tick(self):
        self._number += 1
        os.write(self._witness, b'%d\n' % self._number)
        self._publisher.publish(Int64(data=self._number))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rate', type=float, default=100.0, help='numbers per second')
    parser.add_argument('--depth', type=int, default=10)
    parser.add_argument('--witness', required=True, help='file for a line per number')
    args, rest = parser.parse_known_args()

    # Its own handlers: rclpy's may shut down between a tick's line in the witness and its message.
    stopping = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.append(True))
    rclpy.init(args=rest, signal_handler_options=SignalHandlerOptions.NO)
    node = Counter(os.open(args.witness, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), args.depth)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stopping and not node.has_listener():
        executor.spin_once(timeout_sec=0.01)
    node.start(args.rate)
    while not stopping:
        executor.spin_once()
    rclpy.shutdown()


if __name__ == '__main__':
    main()
