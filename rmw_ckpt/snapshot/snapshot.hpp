// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// A process that can be brought back: its snapshot is a child that sleeps.
#ifndef SNAPSHOT_HPP_
#define SNAPSHOT_HPP_

#include "kernel.hpp"

namespace rmw_ckpt::snapshot {
/// Shared by a process, its sleeping children and whoever orders a revival; in a mapping that all of them have.
struct Orders {
  std::atomic<int> latest;    // the last snapshot: those before it end
  std::atomic<int> order;     // raised by one: the latest is to become the process; then wake_orders
  std::atomic<int> answered;  // the last order that was obeyed
  std::atomic<int> pid;       // as whom; a negative error if it could not
  std::atomic<int> over;      // not zero: the child ends
  char why[196];              // what a revival failed for
  std::atomic<int> begun;     // snapshots, also those that came to nothing: no two have one number
};

void wake_orders(Orders &);

struct Host {
  Orders * orders;
  /// In the process that is revived, before any thread runs: false if another one has the claim, and this one ends.
  /// May only make system calls and touch memory.
  bool (*claim)(void * context);
  void * context;
  /// In the process, when all stand: false if who asked for the snapshot does not wait for it any more.
  bool (*wanted)(void * context);
  /// How long the child stays when the process has ended and nobody orders a revival, ns.
  Word patience;
  /// The descriptor of the folder whose logs the child does not keep in memory; null: there is none.
  const std::uint32_t * folder;
  /// In the process: this child is the snapshot from now on. Before the former one is told to end, for the process may
  /// be killed at any moment.
  void (*asleep)(void * context, int child);
};

struct Report {
  Text<200> why;  // refused: what is in the way
  bool later;     // it may go away by itself
  int child, threads, owners;
  Word stop_ns, fork_ns, freeze_ns;
};

/// Like fork it returns more than once: Same where it was called, Next in each process that the child became.
enum class Life { Same, Next, Refused };

/// On a thread of the engine's own, always the same one. Stops all others, forks, lets them go.
Life take(const Host &, Report &);
}  // namespace rmw_ckpt::snapshot

#endif  // SNAPSHOT_HPP_
