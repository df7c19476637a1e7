// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What a process has open. A fork shares it with its parent: positions, locks, epoll sets and counters of the one are
// those of the other. So it is recorded while all stands still, let go of in the sleeping child, and made anew in the
// process that is revived.
#ifndef DESCRIPTORS_HPP_
#define DESCRIPTORS_HPP_

#include "kernel.hpp"

namespace rmw_ckpt::snapshot {
struct Descriptor {
  enum Kind : int {
    Kept,
    Regular,
    Epoll,
    Eventfd,
    Timerfd,
    Signalfd,
    PipeRead,
    PipeWrite,
    OwnProc,
    Pair,
    Connection,
    Line
  };
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
      int settings;
      bool exclusive;
    } line;  // Line, as a serial port: its settings, in the contents, and its path behind them
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
    struct {
      int first, count, other, type;
    } socket;  // Pair and Connection; what had arrived, the place of the other end
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
  bool later;  // what is refused may go away by itself
};

inline Word fd(int number) {
  return static_cast<Word>(number);
}

inline bool refuse(Descriptors & to, int number, const char * what) {
  to.refusal = {};
  to.refusal.add("fd ").add(number).add(" is ").add(what);
  return false;
}

/// While all threads stand. False: what REFUSAL names cannot be carried. FOLDER: where a lock says who starts the next
/// master, which two lives of a process must not both have; -1: nowhere.
bool record_descriptors(Descriptors &, int folder);
/// What a socket becomes: a pair of its own is made anew, a connection to elsewhere finds its peer gone, others are
/// kept.
bool record_socket(Descriptors &, Descriptor &, Word & peer);
/// Both ends of a pair are known: what had arrived at them is.
bool record_arrived(Descriptors &, Descriptor &);
/// A pair, or an end whose other one is closed: into ENDS.
bool sockets_anew(Descriptors &, const Descriptor &, int * ends);

/// In the sleeping child: what would hold a lock, a position or a pipe of the node is closed.
void let_go(Descriptors &);
/// In the revived process, before any thread runs. False: REFUSAL says what could not be made.
bool make_anew(Descriptors &, int (*new_id)(int former));
}  // namespace rmw_ckpt::snapshot

#endif  // DESCRIPTORS_HPP_
