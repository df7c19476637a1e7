"""The programs of examples/, killed as their README says."""

import os
import pathlib
import re
import socket
import subprocess
import sys

import pytest

from conftest import Peer
from looking import wait_for_status

pytestmark = pytest.mark.once

EXAMPLES = pathlib.Path(__file__).parent.parent.parent / 'examples'
FURTHER = 20


def start(domain, program, *arguments):
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLES / program), *map(str, arguments)], env={**domain.environment, 'RMW_CKPT_INTERVAL': 'auto'},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peer = Peer(program, process)
    domain.peers.append(peer)
    return peer


def numbers(peer, word):
    return [int(number) for number in re.findall(rf'^{word} (\d+)', peer.output(), re.MULTILINE)]


def wait_for_more(peer, word):
    """Waits until it has said this word of a number well above all before."""
    peer.wait_for_line(f'{word} ')
    enough = numbers(peer, word)[-1] + FURTHER
    peer.wait_for(lambda line: any(int(number) >= enough for number in re.findall(rf'^{word} (\d+)', line)), f'{word} {enough}')


def kill(domain, peer, name):
    """Kills it once it is protected, and waits until it is live again."""
    if 'RMW_CKPT_CRIU' in os.environ:
        wait_for_status(domain, lambda _, nodes: name in nodes and nodes[name]['last_checkpoint'], f'a snapshot of {name}')
    peer.kill()
    wait_for_status(
        domain, lambda _, nodes: nodes[name]['recoveries'] == 1 and nodes[name]['state'] == 'live', f'the recovery of {name}')


def test_a_counter_goes_on_where_it_was(domain):
    listener = start(domain, 'listener.py')
    counter = start(domain, 'counter.py')
    wait_for_more(listener, 'heard')
    kill(domain, counter, '/counter')
    wait_for_more(listener, 'heard')
    assert 'missed' not in listener.output() and 'REPEATED' not in listener.output(), listener.output()


def test_a_driver_says_what_is_new_and_nothing_again(domain):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    listener = start(domain, 'listener.py', 'readings')
    driver = start(domain, 'driver.py', port)
    start(domain, 'device.py', port)
    wait_for_more(listener, 'heard')
    kill(domain, driver, '/driver')
    wait_for_more(listener, 'heard')
    assert 'REPEATED' not in listener.output(), listener.output()


def test_a_service_gives_each_ticket_once(domain):
    customer = start(domain, 'customer.py')
    tickets = start(domain, 'tickets.py')
    wait_for_more(customer, 'ticket')
    kill(domain, tickets, '/tickets')
    wait_for_more(customer, 'ticket')
    got = numbers(customer, 'ticket')
    assert got == list(range(1, len(got) + 1)), got
