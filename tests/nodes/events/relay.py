#!/usr/bin/env python3
"""As the relay of topics, with a deadline and a lease, and callbacks for all that its endpoints' events say."""

import os

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.node import Node
from std_msgs.msg import Int64

from running import spin
from statuses import qos, Statuses


class Relay(Node):
    def __init__(self, witness: int, depth: int):
        super().__init__('relay')
        self._witness = witness
        self._sum = 0
        heard, said = Statuses(witness), Statuses(witness)
        self._publisher = self.create_publisher(Int64, '/sums', qos(depth), event_callbacks=PublisherEventCallbacks(
            deadline=said.of('deadline', 'total_count'), liveliness=said.of('liveliness', 'total_count'),
            matched=said.of('matched', 'total_count')))
        self.create_subscription(
            Int64, '/numbers', self._on_number, qos(depth), event_callbacks=SubscriptionEventCallbacks(
                deadline=heard.of('deadline', 'total_count'), liveliness=heard.of('liveliness', 'alive_count', 'not_alive_count'),
                matched=heard.of('matched', 'total_count'), message_lost=heard.of('message_lost', 'total_count')))

    def _on_number(self, message: Int64):
        self._sum += message.data
        os.write(self._witness, b'%d %d\n' % (message.data, self._sum))
        self._publisher.publish(Int64(data=self._sum))


if __name__ == '__main__':
    spin(Relay, __doc__)
