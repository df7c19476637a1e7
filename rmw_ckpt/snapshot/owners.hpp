// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Locks of the C library that hold the id of the thread that has them. Under a new id their holder would not know them
// as its own.
#ifndef OWNERS_HPP_
#define OWNERS_HPP_

#include "threads.hpp"

namespace rmw_ckpt::snapshot {
struct Owner {
  enum Kind : int { Mutex, WriteLock, Inheriting, Robust, Helper };
  Word address;  // of the lock
  int thread;    // its place among the threads
  Kind kind;
};

struct Owners {
  static constexpr int most = 1024;
  int count, words;  // found; words that equal an id, of whatever they are
  Word bytes, ns;
  bool full;
  Owner all[most];
};

/// The C library in memory.
struct Library {
  Word text, text_end, data, data_end;
};
Library c_library();

/// Whether a thread is about to write its id into a lock: it is in a register, where nobody mends it.
bool writes_owner(const Thread &, const Library &);

/// Looks for them in all that this process can write and shares with nobody, except in [FROM, TO).
/// BREATHE is called after every 4 MB.
long find_owners(const Threads &, Owners &, const Library &, Word from, Word to, void (*breathe)());
/// Writes the new ids, also where a thread that waits for such a lock keeps its own to write it later.
void mend_owners(const Owners &, const Threads &, const Library &, const int * new_ids);
}  // namespace rmw_ckpt::snapshot

#endif  // OWNERS_HPP_
