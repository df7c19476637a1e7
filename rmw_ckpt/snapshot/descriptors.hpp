// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What a process has open. A fork shares it with its parent: positions, locks, epoll sets and counters of the one are
// those of the other. So it is recorded while all stands still, let go of in the sleeping child, and made anew in the
// process that is revived.
#ifndef DESCRIPTORS_HPP_
#define DESCRIPTORS_HPP_

#include "kernel.hpp"

namespace rmw_ckpt::snapshot {
struct Descriptor {
  enum Kind : int { Kept, Regular, Epoll, Eventfd, Timerfd, Signalfd, PipeRead, PipeWrite, OwnProc };
  int number, kind, flags;
  bool close_on_exec;
  int same_as;  // the place of another number for the same opening, or -1
  Word device, inode;
  union {
    struct {
      int path;
      long position;
    } proc;  // OwnProc: what follows the process' folder, in the contents
    struct {
      long position;
      int lock;
    } file;  // Regular; flock's operation, 0 if there is none
    struct {
      int first, count;
    } set;  // Epoll: its part of the watches
    struct {
      Word count;
      bool semaphore;
    } counter;  // Eventfd
    struct {
      int clock;
      Word ticks, left, interval;
    } timer;       // Timerfd, in nanoseconds
    Word signals;  // Signalfd
    struct {
      int first, count, other, size;
    } pipe;  // its contents, the place of its other end, its capacity
  };
};

struct Watch {
  int number;
  std::uint32_t events;
  Word data;
};

struct Descriptors {
  static constexpr int most = 1024, most_watches = 4096, most_contents = 1 << 20;
  int count, watches, contents;
  Descriptor all[most];
  Watch watch[most_watches];
  char content[most_contents];
  Text<200> refusal;
};

/// While all threads stand. False: what REFUSAL names cannot be carried.
bool record_descriptors(Descriptors &);
/// In the sleeping child: what would hold a lock, a position or a pipe of the node is closed.
void let_go(Descriptors &);
/// In the revived process, before any thread runs. False: REFUSAL says what could not be made.
bool make_anew(Descriptors &, int (*new_id)(int former));
}  // namespace rmw_ckpt::snapshot

#endif  // DESCRIPTORS_HPP_
