// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "snapshot.hpp"

#include "descriptors.hpp"
#include "memory.hpp"
#include "owners.hpp"
#include "shown.hpp"

#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <cerrno>
#include <cstring>

namespace rmw_ckpt::snapshot {
namespace {

constexpr Word millisecond = 1000000u, stop_limit = 100 * millisecond;
constexpr int most_retakes = 20;

/// All that a snapshot needs, in one mapping that is left out of the search for locks.
struct Area {
  Threads threads;
  Owners owners;
  Shown shown;
  Descriptors descriptors;
  Memory memory;
  Revival revival;
  alignas(64) char stacks[(most_threads + 1) * revival_stack];
};

Area * area;
Library library;
Host host;
Report * report;
int lives, generation, child, known_order;

void refuse(bool later, const char * what, int tid = 0) {
  report->why = {};
  report->later = later;
  if (tid) {
    char name[32] = "?";
    if (read_text(Text<64>().add("/proc/self/task/").add(tid).add("/comm").s, name, sizeof name) > 0) {
      if (char * end = strchr(name, '\n')) {
        *end = 0;
      }
    }
    report->why.add("thread ").add(tid).add(" (").add(name).add(") ");
  }
  report->why.add(what);
}

/// Said to who ordered the revival.
[[noreturn]] void fail(const char * why) {
  long n = 0;
  for (; why[n] && n < static_cast<long>(sizeof host.orders->why) - 1; n++) {
    host.orders->why[n] = why[n];
  }
  host.orders->why[n] = 0;
  raw(__NR_exit_group, 98);
  __builtin_unreachable();
}

int folder() {
  return host.folder ? static_cast<int>(*host.folder) : -1;
}

void no_thread(int error) {
  fail(Text<64>().add("the kernel refuses a thread (error ").add(error).add(")").s);
}

/// In the revived process, on its main thread, while all others wait.
void before_release(void *) {
  if (!make_anew(area->descriptors, [](int old) {
        for (int i = 0; i < area->threads.count; i++) {
          if (area->threads.all[i].tid == old) {
            return area->revival.tids[i];
          }
        }
        return old;
      })) {
    fail(area->descriptors.refusal.s);
  }
  if (!host.claim(host.context)) {
    raw(__NR_exit_group, 97);
  }
  if (!memory_anew(area->memory, folder())) {
    fail(area->memory.refusal.s);
  }
  mend_owners(area->owners, area->threads, library, area->revival.tids);
  show_former(area->shown, area->threads, area->revival.tids);
  lives++;
  child = 0;
}

/// The search takes 0.3 s for 1 GB, and the node has just been let go: it has the processor first, unless somebody
/// waits.
void breathe() {
  if (host.orders->order == known_order) {
    sleep_while(host.orders->order, known_order, 10 * millisecond);
  }
}

/// The child becomes the process: one that it forks does, so that it stays for another time.
void obey(int order, int node_fd) {
  const long pid = raw(__NR_clone, 0, 0, 0, 0, 0);
  if (pid == 0) {
    if (node_fd >= 0) {
      raw(__NR_close, static_cast<Word>(node_fd));
    }
    revive(area->revival);
  }
  host.orders->pid = static_cast<int>(pid);
  host.orders->answered = order;
  wake(host.orders->answered);
}

[[noreturn]] void sleep_until_asked() {
  raw(__NR_prctl, 15 /* PR_SET_NAME */, word("rmw_ckpt: snap"));
  const int node = static_cast<int>(raw(__NR_pidfd_open, static_cast<Word>(area->threads.pid), 0));
  let_go(area->descriptors);
  hide_command(area->memory, area->threads.pid);
  breathe();
  find_owners(area->threads, area->owners, library, word(area), word(area + 1), &breathe);
  find_slots(area->shown);
  cover_logs(area->memory, folder());
  Orders & o = *host.orders;
  bool revived = false;
  Word alone_since = 0;
  for (int seen = known_order;;) {
    const int order = o.order;
    if (o.over || o.latest > generation) {
      raw(__NR_exit_group, 0);
    }
    if (order != seen) {
      seen = order;
      obey(order, node);
      revived = true;
    }
    int status;
    if (raw(__NR_wait4, static_cast<Word>(-1), word(&status), WNOHANG | 0x40000000 /* __WALL */, 0) != 0) {
      revived = false;
    }
    struct {
      int fd;
      short events, revents;
    } poll{node, 1, 0};
    const timespec none{};
    const bool alone = !revived && (node < 0 || raw(__NR_ppoll, word(&poll), 1, word(&none), 0) > 0);
    alone_since = !alone ? 0 : alone_since ? alone_since : now_ns();
    if (alone && now_ns() - alone_since > host.patience) {
      raw(__NR_exit_group, 0);
    }
    sleep_while(o.order, order, 250 * millisecond);
  }
}

/// A thread that could not be made anew as it is now.
bool awkward() {
  for (int i = 0; i < area->threads.count; i++) {
    const Thread & t = area->threads.all[i];
    if (!t.tid_address) {
      refuse(false, "cannot be made anew: the kernel is without CONFIG_CHECKPOINT_RESTORE", t.tid);
      return true;
    }
    if (writes_owner(t, library)) {
      refuse(true, "waits for a priority-inheriting lock, or takes a lock just now", t.tid);
      return true;
    }
    const Word head = t.robust_list;
    if (head && (*reinterpret_cast<Word *>(head) != head || *reinterpret_cast<Word *>(head + 16))) {
      refuse(true, "holds a robust lock", t.tid);
      return true;
    }
  }
  return false;
}

bool all_stand() {
  for (int again = 0;; again++) {
    if (const int tid = stop_others(area->threads, stop_limit)) {
      refuse(true, "did not stop in 100 ms", tid);
      return false;
    }
    if (!awkward()) {
      break;
    }
    if (again == most_retakes || !report->later) {
      return false;
    }
    resume_others();
    const timespec nap{0, 100000};
    raw(__NR_nanosleep, word(&nap));
  }
  if (area->threads.main < 0) {
    refuse(false, "its first thread has ended");
    return false;
  }
  if (!modules_stand_still()) {
    refuse(true, "a library is being loaded");
    return false;
  }
  record_pending(area->threads);
  for (int i = 0; i < area->threads.count; i++) {
    if (area->threads.all[i].pending >> (stop_signal - 1) & 1) {
      refuse(true, "is about to change its user", area->threads.all[i].tid);
      return false;
    }
  }
  if (!record_descriptors(area->descriptors, folder())) {
    refuse(area->descriptors.later, area->descriptors.refusal.s);
    return false;
  }
  return true;
}

bool is_wanted() {
  if (host.wanted && !host.wanted(host.context)) {
    refuse(true, "it took too long: nobody waits for it any more");
    return false;
  }
  return true;
}

void lead(ucontext_t * frame) {
  Threads & all = area->threads;
  const Word start = now_ns();
  long pid = -1;
  if (all_stand() && is_wanted()) {
    Thread & me = all.all[all.count];
    me.tid = static_cast<int>(raw(__NR_gettid));
    me.state = Thread::Parked;
    me.pending = 0;
    record(me, frame);
    all.engine = all.count++;
    known_order = host.orders->order;  // one that comes before the child looks is for it
    const Word stopped = now_ns();
    pid = raw(__NR_clone, 0, 0, 0, 0, 0);
    if (pid == 0) {
      sleep_until_asked();
    }
    report->stop_ns = stopped - start;
    report->fork_ns = now_ns() - stopped;
    if (pid < 0) {
      refuse(true, "the kernel refuses a fork");
    }
  }
  resume_others();
  report->freeze_ns = now_ns() - start;
  report->threads = all.count;
  report->child = static_cast<int>(pid);
}

/// What a fork has not, and nothing makes anew.
bool lacks_in_a_fork() {
  char text[4096];
  if (read_text("/proc/self/timers", text, sizeof text) > 0) {
    refuse(false, "it has timers of its own (timer_create)");
    return true;
  }
  for (int which = 0; which < 3; which++) {
    struct {
      timeval interval, value;
    } timer{};
    raw(__NR_getitimer, static_cast<Word>(which), word(&timer));
    if (timer.value.tv_sec || timer.value.tv_usec) {
      refuse(true, "it has a timer of its own (setitimer, alarm)");
      return true;
    }
  }
  const char * tracer = read_text("/proc/self/status", text, sizeof text) > 0 ? strstr(text, "TracerPid:\t") : nullptr;
  if (tracer && tracer[11] != '0') {
    refuse(true, "a debugger traces it");
    return true;
  }
  return false;
}

void end_former(int former) {
  wake(host.orders->order);
  for (const Word until = now_ns() + 1000 * millisecond;;) {
    int status;
    if (raw(__NR_wait4, static_cast<Word>(former), word(&status), WNOHANG | 0x40000000, 0)) {
      return;
    }
    if (now_ns() > until) {
      raw(__NR_kill, static_cast<Word>(former), 9);
    }
    const timespec nap{0, 200000};
    raw(__NR_nanosleep, word(&nap));
  }
}
}  // namespace

void wake_orders(Orders & o) {
  wake(o.order);
}

Life take(const Host & h, Report & r) {
  host = h;
  report = &r;
  r = {};
  if (!area) {
    void * p = mmap(nullptr, sizeof(Area), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
      refuse(true, "no memory");
      return Life::Refused;
    }
    area = static_cast<Area *>(p);
    area->revival.threads = &area->threads;
    area->revival.stacks = area->stacks;
    area->revival.before_release = &before_release;
    area->revival.failed = &no_thread;
    library = c_library();
  }
  if (!record_memory(area->memory, host.orders)) {
    refuse(false, area->memory.refusal.s);
    return Life::Refused;
  }
  if (lacks_in_a_fork()) {
    return Life::Refused;
  }
  const int life = lives, former = child;
  generation = ++host.orders->begun;
  install_handler(&area->threads, static_cast<int>(raw(__NR_gettid)), &lead);
  lead_now();
  if (life != lives) {
    return Life::Next;
  }
  if (r.child < 0) {
    return Life::Refused;
  }
  child = r.child;
  if (host.asleep) {
    host.asleep(host.context, child);
  }
  host.orders->latest = generation;
  if (former) {
    end_former(former);
  } else {
    wake(host.orders->order);
  }
  return Life::Same;
}
}  // namespace rmw_ckpt::snapshot
