// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <sys/rseq.h>
#include <cerrno>
#include "threads.hpp"

RMW_CKPT_SNAPSHOT_RESTORER;

namespace rmw_ckpt::snapshot {
namespace {

Threads * threads;
int engine_tid;
void (*lead)(ucontext_t *);
std::atomic<int> generation, parked;
KernelAction former;

/// Whether only a signal or what it waits for ends it, or the clock at a time of day.
bool again(const Call & call) {
  const Word * a = call.arguments;
  switch (call.number) {
    case __NR_poll:
      return static_cast<int>(a[2]) < 0;
    case __NR_ppoll:
      return !a[2];
    case __NR_epoll_wait:
    case __NR_epoll_pwait:
      return static_cast<int>(a[3]) < 0;
    case __NR_select:
    case __NR_pselect6:
      return !a[4];
    case __NR_futex:
      return !a[3] || (a[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET || (a[1] & FUTEX_CMD_MASK) == FUTEX_LOCK_PI ||
             (a[1] & FUTEX_CMD_MASK) == FUTEX_LOCK_PI2;
    case __NR_semop:
    case __NR_msgrcv:
    case __NR_msgsnd:
    case __NR_pause:
      return true;
    case __NR_rt_sigtimedwait:
      return !a[2];
    case __NR_clock_nanosleep:
      return a[1] & 1;
    default:
      return false;
  }
}

/// A call that no time-out of its own would have ended sees no EINTR: it is made again.
void repair(ucontext_t & frame, const Call & call) {
  if (!interrupted(frame, call)) {
    return;
  }
  const Word * a = call.arguments;
  if (call.number == __NR_nanosleep && a[1]) {
    call_again(frame, call.number, 0, a[1]);
  } else if (call.number == __NR_clock_nanosleep && !(a[1] & 1) && a[3]) {
    call_again(frame, call.number, 2, a[3]);
  } else if (again(call)) {
    call_again(frame, call.number);
  }
}

/// glibc sends this signal, too, to any thread: what is the engine's says so.
long ask(int pid, int tid) {
  siginfo_t info{};
  info.si_signo = stop_signal;
  info.si_code = SI_QUEUE;
  info.si_pid = pid;
  info.si_value.sival_ptr = &generation;
  return raw(__NR_rt_tgsigqueueinfo, static_cast<Word>(pid), static_cast<Word>(tid), stop_signal, word(&info));
}

void park(ucontext_t * frame, int tid) {
  for (int i = 0, n = threads->count; i < n; i++) {
    Thread & me = threads->all[i];
    int asked = Thread::Asked;
    if (me.tid != tid || !me.state.compare_exchange_strong(asked, Thread::Recording)) {
      continue;  // it may have been asked for a stop that was given up
    }
    const int g = generation;
    record(me, frame);
    repair(*frame, me.call);
    me.state = Thread::Parked;
    parked++;
    wake(parked);
    while (generation == g) {
      sleep_while(generation, g);
    }
    return;
  }
}

void on_signal(int number, siginfo_t * info, void * context) {
  auto frame = static_cast<ucontext_t *>(context);
  if (info->si_code != SI_QUEUE || info->si_value.sival_ptr != &generation) {
    if (former.handler > 1) {
      reinterpret_cast<void (*)(int, siginfo_t *, void *)>(former.handler)(number, info, context);
    }
    return;
  }
  const int tid = static_cast<int>(raw(__NR_gettid));
  if (tid == engine_tid) {
    lead(frame);
  } else {
    park(frame, tid);
  }
}

/// Who has not parked is not waited for any more, and does not park later.
void give_up(Threads & all) {
  for (int i = 0; i < all.count; i++) {
    int asked = Thread::Asked;
    if (!all.all[i].state.compare_exchange_strong(asked, Thread::Ended)) {
      while (all.all[i].state == Thread::Recording) {
        raw(__NR_sched_yield);
      }
    }
  }
}

void read_call(int tid, Call & call) {
  char b[256];
  call.number = -1;
  if (read_text(Text<64>().add("/proc/self/task/").add(tid).add("/syscall").s, b, sizeof b) <= 0 || b[0] < '0' ||
      b[0] > '9') {
    return;
  }
  const char * p = b;
  const long number = static_cast<long>(decimal(p));
  auto next = [&] {
    while (*p == ' ' || *p == 'x' || (*p == '0' && p[1] == 'x')) {
      p++;
    }
    return hexadecimal(p);
  };
  for (Word & a : call.arguments) {
    a = next();
  }
  call.stack = next();
  call.next = next();
  call.number = number;
}
}  // namespace

void record(Thread & t, ucontext_t * frame) {
  t.frame = frame;
  t.bases = bases();
  Word length;
  raw(__NR_get_robust_list, 0, word(&t.robust_list), word(&length));
  t.tid_address = 0;
  raw(__NR_prctl, 40 /* PR_GET_TID_ADDRESS */, word(&t.tid_address));
  raw(__NR_prctl, 16 /* PR_GET_NAME */, word(t.name));
  t.rseq = __rseq_size ? thread_pointer(t.bases) + static_cast<Word>(__rseq_offset) : 0;
  const long n = raw(__NR_sched_getaffinity, 0, sizeof t.affinity, word(t.affinity));
  t.affinity_bytes = n > 0 ? static_cast<int>(n) : 0;
  raw(__NR_sched_getattr, 0, word(&t.scheduling), sizeof t.scheduling, 0);
}

namespace {

Word signals_in(const char * status, const char * name) {
  const char * p = __builtin_strstr(status, name);
  return p ? hexadecimal(p += __builtin_strlen(name)) : 0;
}
}  // namespace

void record_pending(Threads & all) {
  char b[4096];
  for (int i = 0; i < all.count; i++) {
    all.all[i].pending = 0;
    if (read_text(Text<64>().add("/proc/self/task/").add(all.all[i].tid).add("/status").s, b, sizeof b) <= 0) {
      continue;
    }
    all.all[i].pending = signals_in(b, "SigPnd:\t");
    all.pending = signals_in(b, "ShdPnd:\t");
  }
}

int stop_others(Threads & all, Word limit_ns) {
  File tasks("/proc/self/task", O_RDONLY | O_DIRECTORY);
  all.pid = static_cast<int>(raw(__NR_getpid));
  all.count = 0;
  all.main = all.engine = -1;
  parked = 0;
  Word end = now_ns() + limit_ns;
  int asked = 0, one_too_many = 0;
  for (;;) {
    int found = 0;
    each_entry(tasks.fd, [&](const char * name) {
      const int tid = static_cast<int>(decimal(name));
      if (tid == engine_tid) {
        return;
      }
      for (int i = 0; i < all.count; i++) {
        if (all.all[i].tid == tid) {
          return;
        }
      }
      if (all.count == most_threads - 1) {
        one_too_many = tid;
        return;
      }
      Thread & t = all.all[all.count];
      t.tid = tid;
      read_call(tid, t.call);
      t.state = Thread::Asked;
      all.count++;
      asked++;
      found++;
      const long sent = ask(all.pid, tid);
      if (sent == -ESRCH) {
        t.state = Thread::Ended;
        parked++;
      } else if (sent < 0) {
        end = 0;  // the kernel's queue of signals is full
      }
    });
    for (int spins = 0, p; (p = parked) < asked; spins++) {
      if (spins < 200) {
        asm volatile("pause");
        continue;
      }
      for (int i = 0; i < all.count; i++) {  // one that ends has its signals blocked
        Thread & t = all.all[i];
        int asked_state = Thread::Asked;
        if (t.state == Thread::Asked &&
            raw(__NR_tgkill, static_cast<Word>(all.pid), static_cast<Word>(t.tid), 0) == -ESRCH &&
            t.state.compare_exchange_strong(asked_state, Thread::Ended)) {
          parked++;
        }
      }
      sleep_while(parked, p, 200000);
      if (now_ns() > end) {
        give_up(all);
        for (int i = 0; i < all.count; i++) {
          if (all.all[i].state == Thread::Ended &&
              raw(__NR_tgkill, static_cast<Word>(all.pid), static_cast<Word>(all.all[i].tid), 0) == 0) {
            return all.all[i].tid;
          }
        }
        return all.pid;
      }
    }
    if (one_too_many) {
      return one_too_many;
    }
    if (!found) {
      break;
    }
  }
  int k = 0;
  for (int i = 0; i < all.count; i++) {
    if (all.all[i].state == Thread::Ended) {
      continue;
    }
    if (k != i) {
      __builtin_memcpy(static_cast<void *>(&all.all[k]), &all.all[i], sizeof(Thread));
    }
    if (all.all[k].tid == all.pid) {
      all.main = k;
    }
    k++;
  }
  all.count = k;
  return 0;
}

void resume_others() {
  generation++;
  wake(generation);
}

void lead_now() {
  ask(static_cast<int>(raw(__NR_getpid)), static_cast<int>(raw(__NR_gettid)));
}

void install_handler(Threads * t, int tid, void (*leads)(ucontext_t *)) {
  threads = t;
  engine_tid = tid;
  lead = leads;
  KernelAction now{};
  raw(__NR_rt_sigaction, stop_signal, 0, word(&now), 8);
  if (now.handler == reinterpret_cast<Word>(&on_signal)) {
    return;
  }
  former = now;
  KernelAction mine{reinterpret_cast<Word>(&on_signal), SA_SIGINFO | SA_RESTART | 0x04000000u /* SA_RESTORER */,
                    reinterpret_cast<Word>(&rmw_ckpt_snapshot_restorer), ~Word{0}};
  raw(__NR_rt_sigaction, stop_signal, word(&mine), 0, 8);
}
}  // namespace rmw_ckpt::snapshot
