"""Peers that weigh, in memory or in time: what they say is large or often, or they take long to hear it."""

import array
import threading
import time

import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rcl_interfaces.srv import ListParameters
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Int64, String, UInt8MultiArray

from spinning import MANY, say_ready, serve


CAMERA = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


def camera():
    """Images of 1280 times 720 pixels, 15 in a second; each begins with its number."""
    node = Node('camera')
    publisher = node.create_publisher(UInt8MultiArray, '/image', CAMERA)
    image = UInt8MultiArray(data=array.array('B', bytes(1280 * 720 * 3)))
    count = 0

    def publish():
        nonlocal count
        count += 1
        image.data[:8] = array.array('B', count.to_bytes(8, 'little'))
        publisher.publish(image)

    node.create_timer(1 / 15, publish)
    serve(node)


def viewer():
    node = Node('viewer')
    seen = 0

    def see(image):
        nonlocal seen
        seen += 1
        assert len(image.data) == 1280 * 720 * 3
        if seen % 15 == 0:
            print(f'seen {seen}', flush=True)

    node.create_subscription(UInt8MultiArray, '/image', see, CAMERA)
    serve(node)


def busy(name, publishers):
    """Publishes 20 KiB on each of its topics, as fast as it can: with all others, more than any memory has room for."""
    node = Node(name)
    made = [node.create_publisher(UInt8MultiArray, f'/{name}/t{i}', 10) for i in range(int(publishers))]
    message = UInt8MultiArray(data=array.array('B', bytes(20 << 10)))
    node.create_timer(0.005, lambda: [publisher.publish(message) for publisher in made])
    serve(node)


def loop():
    """The simplest publisher: it spins nothing and reads no clock."""
    node = Node('loop')
    publisher = node.create_publisher(Int64, '/there', MANY)
    number = 0
    say_ready()
    while rclpy.ok():
        number += 1
        publisher.publish(Int64(data=number))
        time.sleep(0.02)


ALL = QoSProfile(history=HistoryPolicy.KEEP_ALL)


def sayer_of_all(node):
    """What says the next of numbers of 40 KB each, of which nobody is to miss one, and what it has said, and each refusal."""
    publisher = node.create_publisher(String, '/all', ALL)
    number = 0

    def say():
        nonlocal number
        if not publisher.get_subscription_count():
            return
        try:
            publisher.publish(String(data=f'{number + 1} ' + 'x' * 40000))
            number += 1
        except RCLError:
            print('refused', number + 1, flush=True)
        if number % 10 == 0:
            print('said', number, flush=True)

    return say


def all_talker(period):
    node = Node('all_talker')
    node.create_timer(float(period), sayer_of_all(node))
    serve(node)


def all_listener(pause):
    hear_all(Node('all_listener'), pause)


def all_alone(pause):
    """Says all in a thread, and hears it."""
    node = Node('all_alone')
    say = sayer_of_all(node)

    def say_on():
        while rclpy.ok():
            say()

    threading.Thread(target=say_on, daemon=True).start()
    hear_all(node, pause)


def hear_all(node, pause):
    """Hears each, slowly: says which, and where one is not the next."""
    last = 0

    def hear(message):
        nonlocal last
        time.sleep(float(pause))
        number = int(message.data.split()[0])
        print('heard' if number == last + 1 else f'after {last} heard', number, flush=True)
        last = number

    node.create_subscription(String, '/all', hear, ALL)
    serve(node)


LARGE = 'x' * 100000


def large_server():
    """Replies with what is large to those who ask for it."""
    node = Node('large_server')

    def reply(request, response):
        response.result.names = [LARGE] if request.prefixes == ['large'] else []
        return response

    node.create_service(ListParameters, '/large', reply)
    serve(node)


def large_client():
    """Sends large requests, and those for large replies, in turn, and waits for each for a while, as a careful program does."""
    node = Node('large_client')
    client = node.create_client(ListParameters, '/large')
    answered = {LARGE: 0, 'large': 0}

    def note(what):
        answered[what] += 1
        print(f'requests {answered[LARGE]} replies {answered["large"]}', flush=True)

    def ask():
        for what in answered:
            client.call_async(ListParameters.Request(prefixes=[what])).add_done_callback(lambda _, what=what: note(what))

    node.create_timer(0.2, ask)
    serve(node)
