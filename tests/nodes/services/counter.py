#!/usr/bin/env python3
"""Sends 1, 2, 3, ... as requests to /numbers and checks the replies. Ends on SIGINT or SIGTERM."""

import argparse
import os
import signal

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from test_msgs.srv import BasicTypes


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
        os.write(self._witness, b'%d\n' % self._number)
        future = self._client.call_async(BasicTypes.Request(int64_value=self._number))
        future.add_done_callback(self._on_reply)

    def _on_reply(self, future):
        self._replied += 1
        self._sum += self._replied
        if future.result().int64_value != self._sum:
            # A line that is no number: the judge counts it.
            os.write(self._witness, b'reply %d: %d is wrong\n' % (self._replied, future.result().int64_value))


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
