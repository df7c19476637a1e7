// The roles: each is the whole life of one process.
#ifndef ROLES_HPP_
#define ROLES_HPP_

#include "tools.hpp"

/// Sends, waits for the answer, measures: --size, --warmup, --rounds.
void ping(const Options & options);
/// Sends back what it hears until SIGTERM: --size.
void pong(const Options & options);

/// As ping and pong, with a plain message (--large 0: 344 bytes, 1: 1 MiB), lent where the RMW lends: --warmup,
/// --rounds.
void lend(const Options & options);
void give_back(const Options & options);

/// Publishes as fast as it can: --size, --depth, --milliseconds.
void flood(const Options & options);
/// Takes what flood publishes, counts, ends with it: --size, --depth.
void drain(const Options & options);

/// Publishes at a rate: --size, --rate, --seconds, --subscribers.
void fan_out(const Options & options);
/// Hears it, measures latency and its own CPU time: --size.
void fan_in(const Options & options);

/// One of many that all begin at one moment: --index, --processes, --topics, --start.
void match(const Options & options);

/// Waits for many guard conditions of which one is triggered: --entities, --rounds.
void many(const Options & options);

/// Many nodes with many topics in one process, until SIGTERM: --nodes, --topics (of each).
void crowd(const Options & options);
/// Asks for the names of topics until it has seen all of crowd's: --topics (of all).
void census(const Options & options);

/// Publishes until SIGTERM, heard or not: --rate.
void repeat(const Options & options);
/// From rcl_init to the first message of that.
void first(const Options & options);

#endif  // ROLES_HPP_
