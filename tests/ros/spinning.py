"""What the peers' nodes have in common: they spin, and wait for what is to come, not for ever."""

import sys
import time

import rclpy
from rclpy.qos import QoSProfile

PATIENCE = 20  # s
MANY = QoSProfile(depth=1000)


def say_ready():
    print('ready', flush=True)


def serve(node, executor=None):
    """Spins until a signal; says that it is ready once it spins, for before that a signal is a traceback."""
    def once():
        timer.cancel()
        say_ready()

    timer = node.create_timer(0.0, once)
    rclpy.spin(node, executor)
    sys.exit()  # rclpy's signal handler has shut down


def spin_until(node, condition, what):
    """Spins until the condition holds; fails after a while."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f'waited {PATIENCE} s for {what}'
        rclpy.spin_once(node, timeout_sec=0.05)


def result_of(node, future, what):
    rclpy.spin_until_future_complete(node, future, timeout_sec=PATIENCE)
    assert future.done(), f'waited {PATIENCE} s for {what}'
    return future.result()
