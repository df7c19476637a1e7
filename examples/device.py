#!/usr/bin/env python3
"""device.py PORT: a device, which is no ROS node: sends the numbers of its readings by UDP, 50 in a second, heard or not."""

import socket
import sys
import time

port = int(sys.argv[1])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
number = 0
try:
    while True:
        number += 1
        sender.sendto(b'%d' % number, ('127.0.0.1', port))
        time.sleep(0.02)
except KeyboardInterrupt:
    pass
