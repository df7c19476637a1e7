#!/usr/bin/env python3
"""Takes numbers as goals of the action /numbers and publishes their running sum on /sums. Ends on SIGINT or SIGTERM."""

import os

from rclpy.action import ActionServer
from rclpy.node import Node
from std_msgs.msg import Int64
from test_msgs.action import Fibonacci

from running import spin


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


if __name__ == '__main__':
    spin(Relay, __doc__)
