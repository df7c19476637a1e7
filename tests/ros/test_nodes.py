"""Stock rclpy nodes under rmw_ckpt: what any ROS 2 program does must work. The two sides are processes of peers.py."""

import signal

import pytest


def test_an_action_is_served_with_feedback_result_and_cancellation(domain):
    server = domain.start('action_server')
    domain.run('action_client')
    server.stop()


def test_parameters_are_set_got_listed_and_refused_from_another_process(domain):
    server = domain.start('parameter_server')
    domain.run('parameter_client')
    server.stop()


def test_rosout_is_heard(domain):
    domain.start('logger', 'the left wheel squeaks')
    domain.run('rosout_listener', 'the left wheel squeaks')


@pytest.mark.parametrize('count', [3, 25])
def test_a_late_joiner_gets_the_last_latched_messages(domain, count):
    domain.start('latched_publisher', count)
    domain.run('late_joiner', count)


def test_two_clients_get_their_own_replies(domain):
    domain.start('service_server')
    clients = [domain.start('service_client', name, 200, ready=False) for name in ('one', 'two')]
    for client in clients:
        client.wait_for_end()


def test_a_message_of_4_mebibytes_arrives_whole(domain):
    domain.start('big_publisher')
    domain.run('big_listener')


@pytest.mark.parametrize('end', ['stop', 'kill'])
def test_the_graph_shows_a_node_and_its_end(domain, end):
    # A killed node would come back, and its name with it.
    seen = domain.start('graph_node', RMW_CKPT_RECOVER='off')
    looker = domain.start('graph_looker', RMW_CKPT_RECOVER='off')
    getattr(seen, end)()
    looker.wait_for_end()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_nodes_end_on_signals(domain, number):
    domain.start('parameter_server').stop(number)
