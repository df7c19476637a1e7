#!/usr/bin/env python3
"""Sends 1, 2, 3, ... as goals to the action /numbers and checks the results. Ends on SIGINT or SIGTERM."""

import argparse
import os
import signal

import rclpy
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from test_msgs.action import Fibonacci


class Counter(Node):
    def __init__(self, witness: int, depth: int):
        super().__init__('counter')
        self._witness = witness
        self._number = 0
        self._client = ActionClient(self, Fibonacci, '/numbers')

    def has_listener(self) -> bool:
        return self._client.server_is_ready()

    def start(self, rate: float):
        self.create_timer(1.0 / rate, self._tick)

    def _tick(self):
        self._number += 1
        os.write(self._witness, b'%d\n' % self._number)
        number = self._number
        accepted = self._client.send_goal_async(Fibonacci.Goal(order=number))
        accepted.add_done_callback(lambda goal: self._on_accepted(number, goal.result()))

    def _on_accepted(self, number: int, goal):
        if not goal.accepted:
            self._complain(b'goal %d was rejected\n' % number)
            return
        goal.get_result_async().add_done_callback(lambda future: self._on_result(number, future.result().result))

    def _on_result(self, number: int, result):
        if list(result.sequence) != [number]:
            self._complain(b'result of goal %d: %r\n' % (number, list(result.sequence)))

    def _complain(self, line: bytes):
        # A line that is no number: the judge counts it.
        os.write(self._witness, line)


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
