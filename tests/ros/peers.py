"""The other side of the tests: peers.py ROLE. Plain rclpy nodes; those that check end with status 0 or 1."""

import array
import hashlib
import os
import signal
import sys
import threading
import time

import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rcl_interfaces.msg import Log
from rcl_interfaces.msg import SetParametersResult
from rclpy.action import ActionClient, ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Int64, UInt8MultiArray
from std_srvs.srv import SetBool
from test_msgs.action import Fibonacci
from test_msgs.srv import BasicTypes

from loads import all_alone, all_listener, all_talker, busy, camera, large_client, large_server, loop, viewer
from spinning import MANY, PATIENCE, result_of, say_ready, serve, spin_until

LATCHED = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
MEBIBYTES = 4


def pattern():
    """4 MiB that differ in every page."""
    return b''.join(hashlib.sha256(b'%d' % i).digest() for i in range(MEBIBYTES * 1024 * 1024 // 32))


def action_server():
    node = Node('fibonacci_server')

    def execute(goal):
        sequence = [0, 1]
        while len(sequence) <= goal.request.order:
            if goal.is_cancel_requested:
                goal.canceled()
                return Fibonacci.Result(sequence=sequence)
            sequence.append(sequence[-1] + sequence[-2])
            goal.publish_feedback(Fibonacci.Feedback(sequence=sequence))
            if goal.request.order > 40:
                time.sleep(0.01)  # the long one, which is to be cancelled
                sequence = sequence[-2:]
        goal.succeed()
        return Fibonacci.Result(sequence=sequence)

    ActionServer(node, Fibonacci, 'fibonacci', execute, cancel_callback=lambda _: CancelResponse.ACCEPT)
    serve(node, MultiThreadedExecutor(2))


def action_client():
    node = Node('fibonacci_client')
    client = ActionClient(node, Fibonacci, 'fibonacci')
    assert client.wait_for_server(PATIENCE), 'no action server'
    feedback = []
    goal = result_of(
        node, client.send_goal_async(Fibonacci.Goal(order=10), lambda m: feedback.append(len(m.feedback.sequence))), 'the goal')
    assert goal.accepted
    result = result_of(node, goal.get_result_async(), 'the result')
    assert list(result.result.sequence) == [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55], result
    # rclpy drops the callback once the goal has ended, so that the last ones may not be heard; those before are.
    assert feedback == list(range(3, 3 + len(feedback))) and feedback, feedback

    endless = result_of(node, client.send_goal_async(Fibonacci.Goal(order=1000000)), 'the second goal')
    cancelled = result_of(node, endless.cancel_goal_async(), 'the cancellation')
    assert len(cancelled.goals_canceling) == 1
    assert result_of(node, endless.get_result_async(), 'its result').status == 5  # STATUS_CANCELED


def parameter_server():
    node = Node('tunable')
    node.declare_parameter('gain', 1.5)
    node.declare_parameter('name', 'first')

    def check(parameters):
        good = all(p.name != 'gain' or p.value >= 0 for p in parameters)
        return SetParametersResult(successful=good, reason='' if good else 'gain is negative')

    node.add_on_set_parameters_callback(check)
    serve(node)


def parameter_client():
    node = Node('tuner')
    client = AsyncParameterClient(node, 'tunable')
    assert client.wait_for_services(PATIENCE), 'no parameter services'
    names = result_of(node, client.list_parameters(), 'the list').result.names
    assert {'gain', 'name'} <= set(names), names
    done = result_of(
        node, client.set_parameters([Parameter('gain', value=2.25), Parameter('name', value='second')]), 'setting')
    assert [r.successful for r in done.results] == [True, True], done
    got = result_of(node, client.get_parameters(['gain', 'name']), 'getting')
    assert (got.values[0].double_value, got.values[1].string_value) == (2.25, 'second'), got
    refused = result_of(node, client.set_parameters([Parameter('gain', value=-1.0)]), 'refusal')
    assert (refused.results[0].successful, refused.results[0].reason) == (False, 'gain is negative'), refused


def logger(text):
    node = Node('logger')
    node.get_logger().warning(text)
    serve(node)


def rosout_listener(text):
    node = Node('rosout_listener')
    heard = []
    node.create_subscription(Log, '/rosout', heard.append, QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    spin_until(node, lambda: any(text in m.msg for m in heard), f'"{text}" on /rosout')
    found = next(m for m in heard if text in m.msg)
    assert (found.name, found.level) == ('logger', 30), found


def latched_publisher(count):
    node = Node('latched')
    publisher = node.create_publisher(Int64, '/latched', LATCHED)
    for number in range(1, int(count) + 1):
        publisher.publish(Int64(data=number))
    serve(node)


def late_joiner(count):
    node = Node('late')
    heard = []
    node.create_subscription(Int64, '/latched', lambda m: heard.append(m.data), LATCHED)
    last = int(count)
    expected = list(range(max(1, last - 9), last + 1))
    spin_until(node, lambda: heard[-1:] == [last], f'{expected}, not {heard}')
    assert heard == expected, heard


def service_server():
    node = Node('adder')

    def answer(request, response):
        response.int64_value = request.int64_value + 1
        response.string_value = request.string_value
        return response

    node.create_service(BasicTypes, 'add_one', answer)
    node.create_service(SetBool, 'switch', lambda q, r: SetBool.Response(success=q.data, message='on' if q.data else 'off'))
    serve(node)


def service_client(name, calls):
    node = Node(f'client_{name}')
    client = node.create_client(BasicTypes, 'add_one')
    switch = node.create_client(SetBool, 'switch')
    assert client.wait_for_service(PATIENCE) and switch.wait_for_service(PATIENCE), 'no service'
    # Several at once, so that requests of both clients are mixed; no more than a service's queue holds (10) for both.
    futures = []
    for number in range(int(calls)):
        futures.append(client.call_async(BasicTypes.Request(int64_value=number, string_value=name)))
        if len(futures) % 4 == 0:
            result_of(node, futures[-1], f'reply {number}')
    for number, future in enumerate(futures):
        reply = result_of(node, future, f'reply {number}')
        assert (reply.int64_value, reply.string_value) == (number + 1, name), reply
    assert result_of(node, switch.call_async(SetBool.Request(data=True)), 'the switch').message == 'on'


def big_publisher():
    node = Node('big')
    publisher = node.create_publisher(UInt8MultiArray, '/big', LATCHED)
    publisher.publish(UInt8MultiArray(data=array.array('B', pattern())))
    serve(node)


def big_listener():
    node = Node('big_listener')
    heard = []
    node.create_subscription(UInt8MultiArray, '/big', lambda m: heard.append(bytes(m.data)), LATCHED)
    spin_until(node, lambda: heard, 'a big message')
    assert heard == [pattern()], [len(m) for m in heard]


def graph_node():
    node = Node('seen', namespace='/here')
    node.create_publisher(Int64, '/here/out', 5)
    node.create_subscription(Int64, '/here/in', lambda _: None, 5)
    node.create_service(SetBool, '/here/switch', lambda q, r: r)
    serve(node)


def graph_looker():
    """Sees a node come, all of it, and go: says so in between."""
    node = Node('looker')
    spin_until(node, lambda: ('seen', '/here') in node.get_node_names_and_namespaces(), 'the node')
    spin_until(node, lambda: node.count_subscribers('/here/in') == 1, 'its subscription')
    spin_until(node, lambda: dict(node.get_service_names_and_types()).get('/here/switch') == ['std_srvs/srv/SetBool'], 'its service')
    topics = dict(node.get_topic_names_and_types())
    assert topics['/here/out'] == topics['/here/in'] == ['std_msgs/msg/Int64'], topics
    assert (node.count_publishers('/here/out'), node.count_publishers('/here/in')) == (1, 0)
    info = node.get_publishers_info_by_topic('/here/out')[0]
    assert (info.node_name, info.node_namespace, info.topic_type) == ('seen', '/here', 'std_msgs/msg/Int64'), info
    assert ('/here/out', ['std_msgs/msg/Int64']) in node.get_publisher_names_and_types_by_node('seen', '/here')
    assert ('/here/in', ['std_msgs/msg/Int64']) in node.get_subscriber_names_and_types_by_node('seen', '/here')
    say_ready()
    spin_until(node, lambda: 'seen' not in node.get_node_names(), 'the end of the node')
    spin_until(
        node, lambda: node.count_publishers('/here/out') + node.count_subscribers('/here/in') == 0, 'the end of its endpoints')
    assert '/here/out' not in dict(node.get_topic_names_and_types())
    assert '/here/switch' not in dict(node.get_service_names_and_types())


def churner(rounds):
    """Has endpoints for a moment each, which a listener hears; afterwards goes on ticking."""
    node = Node('churner')
    done = 0

    def tick():
        nonlocal done
        if done == int(rounds):
            return
        done += 1
        publisher = node.create_publisher(Int64, 'churn', 10)
        service = node.create_service(SetBool, 'churn_service', lambda request, response: response)
        client = node.create_client(SetBool, 'churn_service')
        publisher.publish(Int64(data=done))
        node.destroy_publisher(publisher)
        node.destroy_service(service)
        node.destroy_client(client)
        if done == int(rounds):
            print('churned', flush=True)

    node.create_timer(0.01, tick)
    serve(node)


def churn_listener():
    node = Node('churn_listener')
    node.create_subscription(Int64, 'churn', lambda message: None, 10)
    node.create_timer(0.1, lambda: None)
    serve(node)


def counter(manner=''):
    """Counts aloud; in the stubborn manner it does not end when it is asked to."""
    node = Node('counter')
    if manner == 'stubborn':
        signal.signal(signal.SIGTERM, lambda *_: print('not yet', flush=True))
    publisher = node.create_publisher(Int64, '/there', MANY)
    number = 0

    def count():
        nonlocal number
        number += 1
        publisher.publish(Int64(data=number))

    node.create_timer(0.01, count)
    serve(node)


def ticker():
    """Counts aloud by two timers at once, each in any thread of an executor, and reads a clock for each number."""
    node = Node('ticker')

    def tick(topic):
        publisher = node.create_publisher(Int64, topic, MANY)
        lock = threading.Lock()
        number = 0

        def count():
            nonlocal number
            with lock:
                number += 1
                assert node.get_clock().now().nanoseconds > 0
                publisher.publish(Int64(data=number))

        node.create_timer(0.01, count, callback_group=ReentrantCallbackGroup())

    tick('/one')
    tick('/other')
    serve(node, MultiThreadedExecutor(4))


def talker(sigpipe):
    """Counts aloud: prints what it publishes, and logs it."""
    if sigpipe == 'default':
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # as in a C++ program
    node = Node('talker')
    publisher = node.create_publisher(Int64, '/there', MANY)
    number = 0

    def count():
        nonlocal number
        number += 1
        publisher.publish(Int64(data=number))
        print('said', number, flush=True)
        node.get_logger().info('logged %d' % number)

    node.create_timer(0.02, count)
    serve(node)


def failing(flag):
    """Counts, until there is a file: then takes it away, and fails as of a bug that a replay does not meet again."""
    node = Node('failing')
    publisher = node.create_publisher(Int64, '/there', MANY)
    number = 0

    def count():
        nonlocal number
        number += 1
        publisher.publish(Int64(data=number))
        if os.path.exists(flag):
            how = open(flag).read()
            os.remove(flag)
            if how == 'exit':
                sys.exit(0)
            raise RuntimeError('a bug')

    node.create_timer(0.02, count)
    serve(node)


def listener(topic, passed_on='', name='listener'):
    """Says what it hears; passes it on."""
    node = Node(name)
    publisher = node.create_publisher(Int64, passed_on, MANY) if passed_on else None

    def hear(message):
        os.write(1, b'heard %d\n' % message.data)
        if publisher:
            publisher.publish(message)

    node.create_subscription(Int64, topic, hear, MANY)
    serve(node)


def newcomer(*names):
    """Sees nodes of these names, and hears what the counter says."""
    node = Node('newcomer')
    heard = []
    node.create_subscription(Int64, '/there', heard.append, MANY)
    spin_until(node, lambda: heard and {*names} <= {*node.get_node_names()}, f'numbers, and nodes {names}')


def in_domain(domain):
    context = Context()
    rclpy.init(context=context, domain_id=int(domain))
    return context


def bridge(first, second):
    """Has nodes in two domains: takes /there to the second, and /back from it. Its own may be a third, without nodes."""
    here = Node('bridge', context=None if first == os.environ['ROS_DOMAIN_ID'] else in_domain(first))
    there = Node('bridge', context=in_domain(second))

    def connect(source, target, topic):
        publisher = target.create_publisher(Int64, topic, MANY)
        passed = 0

        def pass_on(message):
            nonlocal passed
            passed += 1
            assert message.data == passed, f'{message.data} on {topic} after {passed - 1}'
            publisher.publish(message)

        source.create_subscription(Int64, topic, pass_on, MANY)

    connect(here, there, '/there')
    connect(there, here, '/back')
    executor = SingleThreadedExecutor(context=there.context)
    executor.add_node(there)
    threading.Thread(target=executor.spin, daemon=True).start()
    serve(here, SingleThreadedExecutor(context=here.context))


ROLES = {f.__name__: f for f in (
    action_server, action_client, parameter_server, parameter_client, logger, rosout_listener, latched_publisher, late_joiner,
    service_server, service_client, big_publisher, big_listener, graph_node, graph_looker, churner, churn_listener,
    counter, talker, ticker, failing, listener, newcomer, bridge, camera, viewer, busy, loop, all_talker, all_listener, all_alone,
    large_server, large_client)}


def main():
    rclpy.init()
    try:
        ROLES[sys.argv[1]](*sys.argv[2:])
        rclpy.shutdown()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # as in serve
    except RCLError:
        if rclpy.ok():
            raise
        # rclpy shuts its context down in a signal's thread, and the executor may be about to make its next wait set.


if __name__ == '__main__':
    main()
