#!/usr/bin/env python3
"""Asks for tickets, one after the other, and says which it got; no request has to be made again, whoever dies."""

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_srvs.srv import Trigger


class Customer(Node):
    def __init__(self):
        super().__init__('customer')
        self._client = self.create_client(Trigger, 'next_ticket')
        self._asked = None
        self.create_timer(0.05, self._ask)

    def _ask(self):
        if self._asked is None and self._client.service_is_ready():
            self._asked = self._client.call_async(Trigger.Request())
            self._asked.add_done_callback(self._get)

    def _get(self, answer):
        print(f'ticket {answer.result().message}', flush=True)
        self._asked = None


rclpy.init()
try:
    rclpy.spin(Customer())
except (KeyboardInterrupt, ExternalShutdownException):
    pass
