// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// The threads of this process: each is stopped by a signal, says what it is, and waits; later each can be made anew.
#ifndef THREADS_HPP_
#define THREADS_HPP_

#include <signal.h>
#include "kernel.hpp"

namespace rmw_ckpt::snapshot {
constexpr int most_threads = 512;
constexpr int stop_signal = 33;  // glibc's own for setuid and its kin: no program blocks it

struct KernelAction {
  Word handler, flags, restorer, mask;
};

struct Thread {
  enum State { Asked, Recording, Parked, Ended };
  int tid;
  std::atomic<int> state;
  Call call;           // what it was in before the signal
  ucontext_t * frame;  // where it goes on
  ThreadBases bases;
  Word robust_list;  // the head's address, glibc's
  Word tid_address;  // the word that the kernel clears at its end: the id in glibc's own record of the thread
  Word rseq;         // restartable sequences' area, 0 if there is none
  char name[16];
  Word affinity[16];
  int affinity_bytes;
  struct Scheduling {
    std::uint32_t size, policy;
    Word flags;
    std::int32_t nice;
    std::uint32_t priority;
    Word runtime, deadline, period;
    std::uint32_t low, high;
  } scheduling;
  Word pending;  // signals that waited for this thread
};

/// Who is in the process. The engine's own thread is the last that is recorded.
struct Threads {
  int pid;
  std::atomic<int> count;
  int main, engine;  // their places
  Word pending;      // signals that waited for any thread
  Thread all[most_threads];
};

/// Stops all others; on the engine's thread, in its own handler. 0, or what could not be stopped in LIMIT nanoseconds:
/// a thread id.
int stop_others(Threads &, Word limit_ns);
/// Signals that no thread has handled yet: a fork has none of them. After all are stopped, for one may have signalled
/// another last.
void record_pending(Threads &);
void resume_others();
/// Each thread's own record, from its handler.
void record(Thread &, ucontext_t *);
/// Handles the signal: a thread that is asked to park does, and others' signals are handed on.
void install_handler(Threads *, int engine_tid, void (*lead)(ucontext_t *));

/// On the engine's thread: runs LEAD in a signal's frame of its own, so that it is made anew like all others.
void lead_now();

/// In a fresh fork of the engine's thread: all threads are made anew, and each returns from its signal. Negative: why
/// not.
struct Revival {
  Threads * threads;
  char * stacks;                           // most_threads + 1 of revival_stack bytes
  void (*before_release)(void * context);  // all exist, none has run; on the new main thread
  void * context;
  void (*failed)(int error);  // a thread cannot be made; does not return
  int tids[most_threads];     // the new ids
  std::atomic<int> ready, gate;
};
constexpr Word revival_stack = 16384;
[[noreturn]] void revive(Revival &);
}  // namespace rmw_ckpt::snapshot

#endif  // THREADS_HPP_
