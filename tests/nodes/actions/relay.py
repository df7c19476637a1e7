#!/usr/bin/env python3
"""Takes numbers as goals of the action /numbers and publishes their running sum on /sums. Ends on SIGINT or SIGTERM."""

import argparse
import os

import rclpy
from rclpy.action import ActionServer
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Int64
from test_msgs.action import Fibonacci


class Relay(Node):
    def __init__(self, witness: int, depth: int):
        super().__init__('relay')
        self._witness = witness
        self._sum = 0
        self._publisher = self.create_publisher(Int64, '/sums', depth)
        self._server = ActionServer(self, Fibonacci, '/numbers', self._on_goal)

    def _on_goal(self, goal):
        number = goal.request.order
        self._sum += number
        os.write(self._witness, b'%d %d\n' % (number, self._sum))
        self._publisher.publish(Int64(data=self._sum))
        goal.publish_feedback(Fibonacci.Feedback(sequence=[number]))
        goal.succeed()
        return Fibonacci.Result(sequence=[number])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--depth', type=int, default=10)
    parser.add_argument('--witness', required=True, help='file for a line per number')
    args, rest = parser.parse_known_args()

    rclpy.init(args=rest)
    try:
        rclpy.spin(Relay(os.open(args.witness, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), args.depth))
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # rclpy's signal handler shuts down


if __name__ == '__main__':
    main()
