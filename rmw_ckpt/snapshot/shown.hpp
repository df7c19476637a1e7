// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Runtimes that know their threads by gettid: what they were told once they are told for ever, whatever the kernel
// calls the thread since.
#ifndef SHOWN_HPP_
#define SHOWN_HPP_

#include "threads.hpp"

namespace rmw_ckpt::snapshot {
struct Shown {
  static constexpr int most_slots = 64, most_pairs = 4096;
  enum Which { Syscall, Gettid, Getpid };
  struct Slot {
    Word * at;
    Which which;
  };  // a module's pointer to one of these
  struct Pair {
    int real, shown;
  };
  int slots, pairs, pid, former_pid;  // the process', now and first
  Slot slot[most_slots];
  Pair pair[most_pairs];
};

/// Whether the loader's list of modules can be read: none is being loaded.
bool modules_stand_still();
/// Finds where .NET's modules call gettid, and Python's asyncio getpid (it takes a loop for a parent's if that
/// changes). Takes no lock of the loader's, for a stopped thread may have it.
void find_slots(Shown &);
/// After a revival, before any thread is released: NEW_IDS are shown as what the threads were before.
void show_former(Shown &, const Threads &, const int * new_ids);
}  // namespace rmw_ckpt::snapshot

#endif  // SHOWN_HPP_
