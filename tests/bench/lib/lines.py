"""The lines of the benchmark: each runs its processes once in a fresh domain and returns its figures by name."""

import time
from dataclasses import dataclass
from statistics import median
from typing import Callable

from .environment import Domain
from .processes import Failed, Processes, cpu_seconds


@dataclass(frozen=True)
class Figure:
    """One row of the table: a figure of a line."""
    key: str
    title: str
    unit: str
    more_is_better: bool = False
    goal: str = ''
    digits: int = 1


@dataclass(frozen=True)
class Line:
    name: str
    figures: tuple
    measure: Callable  # (Processes, Domain, quick) -> {key: value}


def _ping(size: int, warmup: int, rounds: int):
    def measure(processes: Processes, _: Domain, quick: bool) -> dict:
        processes.start('pong', size=size)
        ping = processes.start('ping', size=size, warmup=warmup, rounds=rounds // 10 if quick else rounds)
        return processes.result(ping)
    return measure


def _flood(size: int, depth: int):
    def measure(processes: Processes, _: Domain, quick: bool) -> dict:
        drain = processes.start('drain', size=size, depth=depth)
        flood = processes.start('flood', size=size, depth=depth, milliseconds=300 if quick else 2000)
        figures = processes.result(drain)
        figures['sent_per_s'] = processes.stop(flood)['sent_per_s']
        # Seen missing by the sequence numbers, and not said by the RMW's own count.
        figures['unsaid'] = max(0, figures['missing'] - max(0, figures['reported_lost']))
        return figures
    return measure


def _fan(processes: Processes, domain: Domain, quick: bool) -> dict:
    subscribers = [processes.start('fan_in', size=1024) for _ in range(8)]
    publisher = processes.start('fan_out', size=1024, rate=1000, seconds=1 if quick else 5, subscribers=8)
    # A helper process of the RMW is part of its price; what it does while they start is counted, too.
    while domain.env['RMW_IMPLEMENTATION'] == 'rmw_ckpt' and domain.master_pid() is None and publisher.poll() is None:
        time.sleep(0.05)
    before = cpu_seconds(domain.master_pid())
    out = processes.result(publisher)
    heard = [processes.result(s) for s in subscribers]
    master = cpu_seconds(domain.master_pid()) - before
    return {'p50_us': median(h['p50_us'] for h in heard), 'p99_us': max(h['p99_us'] for h in heard),
            'cpu_s': (out['cpu_s'] + sum(h['cpu_s'] for h in heard) + master) * (5 if quick else 1),
            'received': min(h['received'] for h in heard), 'master_cpu_s': master}


def _matching(processes: Processes, domain: Domain, quick: bool) -> dict:
    count = 5 if quick else 20
    if domain.env['RMW_IMPLEMENTATION'] == 'rmw_ckpt':
        # The master is there already, as on any machine that runs nodes.
        first = processes.start('repeat', rate=1)
        while domain.master_pid() is None:
            processes.figures_so_far(first)
            time.sleep(0.05)
    start = time.monotonic_ns() + 3_000_000_000
    members = [processes.start('match', index=i, processes=count, topics=20, start=start) for i in range(count)]
    deadline = time.monotonic() + 90
    # All are asked each time: one that could not start is the reason, those that wait for it are not.
    while None in (figures := [processes.figures_so_far(member) for member in members]):
        if time.monotonic() > deadline:
            raise Failed('the processes did not match')
        time.sleep(0.1)
    return {'matched_s': max(f['matched_s'] for f in figures), 'made_s': max(f['made_s'] for f in figures)}


def _many(processes: Processes, _: Domain, quick: bool) -> dict:
    return processes.result(processes.start('many', entities=10000, rounds=100 if quick else 1000))


def _loans(processes: Processes, _: Domain, quick: bool) -> dict:
    processes.start('give_back', large=0)
    return processes.result(processes.start('lend', large=0, warmup=500, rounds=2000 if quick else 20000))


def _large_loans(processes: Processes, _: Domain, quick: bool) -> dict:
    processes.start('give_back', large=1)
    return processes.result(processes.start('lend', large=1, warmup=50, rounds=200 if quick else 2000))


def _graph(processes: Processes, _: Domain, quick: bool) -> dict:
    nodes, topics = (20 if quick else 200), 20
    census = processes.start('census', topics=nodes * topics)
    time.sleep(1)
    crowd = processes.start('crowd', nodes=nodes, topics=topics)
    deadline = time.monotonic() + 100
    while (made := processes.figures_so_far(crowd)) is None:
        if time.monotonic() > deadline:
            raise Failed('the nodes are not made')
        time.sleep(0.1)
    seen = processes.result(census)
    return {'made_s': made['made_s'], 'seen_ms': max(0, seen['at_ms'] - made['at_ms']), 'asked_ms': seen['asked_ms']}


def _first(processes: Processes, _: Domain, quick: bool) -> dict:
    # Repeated, not latched: Fast DDS sends a latched message up to 3 s late (its heartbeat), which is not this line's matter.
    processes.start('repeat', rate=1000)
    time.sleep(1)
    times = [processes.result(processes.start('first'))['ms'] for _ in range(3 if quick else 10)]
    return {'ms': median(times), 'worst_ms': max(times)}


LINES = (
    Line('ping-64', (Figure('p50_us', '64 B half round trip, p50', 'us', goal='4'),
                     Figure('p99_us', '64 B half round trip, p99', 'us', goal='10')), _ping(64, 500, 20000)),
    Line('ping-64k', (Figure('p50_us', '64 KiB, p50', 'us', goal='9'), Figure('p99_us', '64 KiB, p99', 'us')),
         _ping(65536, 300, 5000)),
    Line('ping-1m', (Figure('p50_us', '1 MiB, p50', 'us', goal='280', digits=0), Figure('p99_us', '1 MiB, p99', 'us', digits=0)),
         _ping(1 << 20, 150, 600)),
    Line('ping-4m', (Figure('p50_us', '4 MiB, p50', 'us', goal='1000', digits=0),
                     Figure('p99_us', '4 MiB, p99', 'us', digits=0)), _ping(4 << 20, 50, 150)),
    Line('flood-64', (Figure('received_per_s', '64 B flood, depth 1000, received', '/s', True, '500000', 0),
                      Figure('sent_per_s', '64 B flood, sent', '/s', True, '', 0),
                      Figure('missing', '64 B flood, missing', '', goal='none unsaid', digits=0),
                      Figure('unsaid', '64 B flood, missing and not reported', '', goal='0', digits=0)), _flood(64, 1000)),
    Line('flood-64k', (Figure('gb_per_s', '64 KiB flood, depth 10, received', 'GB/s', True, '3.5', 2),
                       Figure('sent_per_s', '64 KiB flood, sent', '/s', True, '', 0),
                       Figure('unsaid', '64 KiB flood, missing and not reported', '', goal='0', digits=0)), _flood(65536, 10)),
    Line('fan-8', (Figure('p50_us', '1 to 8 processes, 1 KiB at 1 kHz, p50', 'us', goal='50'),
                   Figure('p99_us', '1 to 8, worst p99', 'us', digits=0),
                   Figure('cpu_s', '1 to 8, CPU of all in 5 s', 's', goal='0.8', digits=2)), _fan),
    Line('match-20', (Figure('matched_s', '20 processes x 20 topics, rcl_init to all matched', 's', goal='0.05', digits=3),
                      Figure('made_s', '20 x 20, of it until all entities are made', 's', digits=3)), _matching),
    Line('wait-10000', (Figure('p50_us', 'a wait for 10000 entities, one ready, p50', 'us', digits=0),
                        Figure('p99_us', 'a wait for 10000, p99', 'us', digits=0)), _many),
    Line('loans', (Figure('p50_us', '344 B plain message, lent on both sides, half round trip, p50', 'us'),
                   Figure('p99_us', '344 B lent, p99', 'us'),
                   Figure('lends', '344 B: whether it is lent', '', True, digits=0)), _loans),
    Line('large-loans', (Figure('p50_us', '1 MiB plain message, lent, written and read whole, half round trip, p50', 'us'),
                         Figure('p99_us', '1 MiB lent, p99', 'us'),
                         Figure('lends', '1 MiB: whether it is lent', '', True, digits=0)), _large_loans),
    Line('graph-4000', (Figure('made_s', '200 nodes x 20 topics in one process, until made', 's', digits=2),
                        Figure('seen_ms', '200 x 20, from then until another process knows all', 'ms', goal='100', digits=0),
                        Figure('asked_ms', '200 x 20, one question for all topics', 'ms')), _graph),
    Line('first', (Figure('ms', 'rcl_init to first message', 'ms', goal='4'),), _first),
)
