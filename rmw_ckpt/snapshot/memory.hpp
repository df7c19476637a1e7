// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What a fork does not carry of a process' memory, and what of it shows.
#ifndef MEMORY_HPP_
#define MEMORY_HPP_

#include "kernel.hpp"

namespace rmw_ckpt::snapshot {
struct Memory {
  static constexpr int most_locked = 1024, most_arguments = 65536, most_covered = 4096, most_names = 1 << 18;
  struct Range {
    Word from, to, flags;  // of mlock2
  };
  struct Cover {
    Word from, size, offset, inode;
    int protection, name;  // below the folder, in the names
  };
  int locked;
  Range lock[most_locked];
  Word arguments;  // where the command is that /proc shows; 0: not known, or too long
  int arguments_size;
  char argument[most_arguments];
  int covered, names;
  Cover cover[most_covered];
  char name[most_names];
  Text<200> refusal;
};

/// False: REFUSAL names memory that a fork shares, so that it would not be rolled back, or leaves out. EXCEPT is in one
/// that is to be shared.
bool record_memory(Memory &, const void * except);
/// In the sleeping child: who looks for the command of the process does not find it.
void hide_command(Memory &, int pid);
/// In the sleeping child: it maps no file of the folder's logs any more, which would stay in memory with it when they
/// are removed.
void cover_logs(Memory &, int folder);
/// In the revived process, before any thread runs. A log's file that is gone is an empty one, as its reader sees by its
/// head. False: REFUSAL says what cannot be mapped again.
bool memory_anew(Memory &, int folder);
}  // namespace rmw_ckpt::snapshot

#endif  // MEMORY_HPP_
