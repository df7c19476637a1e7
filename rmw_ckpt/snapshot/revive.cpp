// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <linux/sched.h>
#include <sys/rseq.h>
#include "threads.hpp"

namespace rmw_ckpt::snapshot {
namespace {

constexpr Word rseq_signature = 0x53053053;
Revival * revival;

/// What clone does not give a thread; on that thread.
void become(const Thread & t) {
  set_other_bases(t.bases);
  if (t.robust_list) {
    raw(__NR_set_robust_list, t.robust_list, 24);
  }
  if (t.rseq) {
    *reinterpret_cast<Word *>(t.rseq + 8) = 0;  // a sequence that was interrupted is over
    raw(__NR_rseq, t.rseq, 32, 0, rseq_signature);
  }
  raw(__NR_prctl, 15 /* PR_SET_NAME */, word(t.name));
  if (t.affinity_bytes) {
    raw(__NR_sched_setaffinity, 0, static_cast<Word>(t.affinity_bytes), word(t.affinity));
  }
  if (t.scheduling.size) {
    raw(__NR_sched_setattr, 0, word(&t.scheduling), 0);
  }
}

void newborn(void * argument) {
  auto & t = *static_cast<Thread *>(argument);
  become(t);
  revival->ready++;
  wake(revival->ready);
  while (!revival->gate) {
    sleep_while(revival->gate, 0);
  }
  return_from_signal(t.frame);
}

void all_anew(void *) {
  Revival & r = *revival;
  Threads & all = *r.threads;
  const int pid = static_cast<int>(raw(__NR_getpid));
  Thread & engine = all.all[all.engine];
  if (engine.rseq) {
    raw(__NR_rseq, engine.rseq, 32, 1 /* unregister */, rseq_signature);
  }
  r.ready = 0;
  r.gate = 0;
  for (int i = 0; i < all.count; i++) {
    if (i == all.main) {
      r.tids[i] = pid;
      continue;
    }
    Thread & t = all.all[i];
    // The id goes to glibc's own word for it: what it does with the thread later reaches the new one.
    const long tid = born(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                              CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
                          r.stacks + static_cast<Word>(i + 1) * revival_stack - 64, t.tid_address, t.tid_address,
                          thread_pointer(t.bases), &newborn, &t);
    if (tid < 0) {
      r.failed(static_cast<int>(-tid));
    }
    r.tids[i] = static_cast<int>(tid);
  }
  Thread & main = all.all[all.main];
  set_thread_pointer(thread_pointer(main.bases));
  raw(__NR_set_tid_address, main.tid_address);
  if (main.tid_address) {
    *reinterpret_cast<int *>(main.tid_address) = pid;
  }
  become(main);
  for (int n; (n = r.ready) < all.count - 1;) {
    sleep_while(r.ready, n);
  }
  auto send_again = [&](Word set, int tid) {
    for (int s = 1; s <= 64; s++) {
      if (set >> (s - 1) & 1) {
        if (tid) {
          raw(__NR_tgkill, static_cast<Word>(pid), static_cast<Word>(tid), static_cast<Word>(s));
        } else {
          raw(__NR_kill, static_cast<Word>(pid), static_cast<Word>(s));
        }
      }
    }
  };
  for (int i = 0; i < all.count; i++) {
    send_again(all.all[i].pending, r.tids[i]);
  }
  send_again(all.pending, 0);
  if (r.before_release) {
    r.before_release(r.context);
  }
  r.gate = 1;
  wake(r.gate);
  return_from_signal(main.frame);
}
}  // namespace

void revive(Revival & r) {
  revival = &r;
  go_on(&all_anew, nullptr, r.stacks + static_cast<Word>(most_threads + 1) * revival_stack - 64);
}
}  // namespace rmw_ckpt::snapshot
