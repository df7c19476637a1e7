"""How a trial's nodes are run: their options, their witness, their end. rmw_ckpt asks none of it."""

import argparse
import os
import signal
import time

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions


def spin(make, about: str, make_executor=lambda: None):
    """Spins make(witness, depth) until SIGINT or SIGTERM, by an executor or by rclpy's own."""
    args, rest = _options(about).parse_known_args()
    rclpy.init(args=rest)
    try:
        rclpy.spin(make(_open(args.witness), args.depth), make_executor())
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # rclpy's signal handler shuts down


def count(make, about: str):
    """Starts make(witness, depth) at a rate as soon as it has a listener; spins it until SIGINT or SIGTERM."""
    options = _options(about)
    options.add_argument('--rate', type=float, default=100.0, help='numbers per second')
    args, rest = options.parse_known_args()

    # Its own handlers: rclpy's may shut down between a tick's line in the witness and its message.
    stopping = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.append(True))
    rclpy.init(args=rest, signal_handler_options=SignalHandlerOptions.NO)
    node = make(_open(args.witness), args.depth)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    while not stopping and not node.has_listener():
        executor.spin_once(timeout_sec=0.01)
    node.start(args.rate)
    while not stopping:
        executor.spin_once()
    rclpy.shutdown()


def write_stamped(witness: int, number: int):
    """A line of the number and the host's time (CLOCK_REALTIME, ns; ROS time is the middleware's)."""
    os.write(witness, b'%d %d\n' % (number, time.time_ns()))


def _options(about: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument('--depth', type=int, default=10)
    parser.add_argument('--witness', required=True, help='file for a line per message')
    return parser


def _open(witness: str) -> int:
    return os.open(witness, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
