#!/usr/bin/env python3
"""
driver.py PORT: a driver: a thread reads a device by UDP and publishes each reading. What the device says while the driver is
dead is gone, as with any driver; what it says after that is heard at once, and nothing that was said before is said again.
"""

import socket
import sys
import threading

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Int64


class Driver(Node):
    def __init__(self, port):
        super().__init__('driver')
        self._publisher = self.create_publisher(Int64, 'readings', 100)
        self._device = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._device.bind(('127.0.0.1', port))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            self._publisher.publish(Int64(data=int(self._device.recv(100))))


rclpy.init()
try:
    rclpy.spin(Driver(int(sys.argv[1])))
except (KeyboardInterrupt, ExternalShutdownException):
    pass
