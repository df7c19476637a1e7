"""A chain of nodes that count what they hear: chain.py counter|relay|listener WITNESS. Plain rclpy nodes.

Each line of a witness is told by the node's memory alone: how many messages it has handled, and the sum that it has then.
"""

import os
import sys

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import Int64

from spinning import MANY, serve, spin_until


def counter(witness):
    node = Node('counter')
    publisher = node.create_publisher(Int64, 'numbers', MANY)
    number = 0

    def count():
        nonlocal number
        number += 1
        os.write(witness, b'%d\n' % number)
        publisher.publish(Int64(data=number))

    spin_until(node, publisher.get_subscription_count, 'a relay')
    node.create_timer(0.01, count)
    serve(node)


def relay(witness):
    node = Node('relay')
    publisher = node.create_publisher(Int64, 'sums', MANY)
    total = heard = 0

    def hear(message):
        nonlocal total, heard
        heard += 1
        total += message.data
        os.write(witness, b'%d %d\n' % (heard, total))
        publisher.publish(Int64(data=total))

    spin_until(node, publisher.get_subscription_count, 'a listener')
    node.create_subscription(Int64, 'numbers', hear, MANY)
    serve(node)


def listener(witness):
    node = Node('listener')
    heard = 0

    def hear(message):
        nonlocal heard
        heard += 1
        os.write(witness, b'%d %d\n' % (heard, message.data))

    node.create_subscription(Int64, 'sums', hear, MANY)
    serve(node)


def main():
    rclpy.init()
    try:
        {'counter': counter, 'relay': relay, 'listener': listener}[sys.argv[1]](
            os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644))
        rclpy.shutdown()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # as in serve


if __name__ == '__main__':
    main()
