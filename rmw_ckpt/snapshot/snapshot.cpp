// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "snapshot.hpp"

#include "descriptors.hpp"
#include "owners.hpp"
#include "shown.hpp"

#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <cerrno>
#include <cstring>

namespace rmw_ckpt::snapshot {
namespace {

constexpr Word millisecond = 1000000u, stop_limit = 100 * millisecond, patience = 10000 * millisecond;
constexpr int most_retakes = 20;

/// All that a snapshot needs, in one mapping that is left out of the search for locks.
struct Area {
  Threads threads;
  Owners owners;
  Shown shown;
  Descriptors descriptors;
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
    memcpy(host.orders->why, area->descriptors.refusal.s, sizeof host.orders->why - 1);
    raw(__NR_exit_group, 98);
  }
  if (!host.claim(host.context)) {
    raw(__NR_exit_group, 97);
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
  breathe();
  find_owners(area->threads, area->owners, library, word(area), word(area + 1), &breathe);
  find_slots(area->shown);
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
    if (alone && now_ns() - alone_since > patience) {
      raw(__NR_exit_group, 0);
    }
    sleep_while(o.order, order, 250 * millisecond);
  }
}

/// A thread that could not be made anew as it is now.
bool awkward() {
  for (int i = 0; i < area->threads.count; i++) {
    const Thread & t = area->threads.all[i];
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
    if (again == most_retakes) {
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
  if (!record_descriptors(area->descriptors)) {
    refuse(false, area->descriptors.refusal.s);
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

/// One mapping as /proc/PID/maps has it: why a fork would not roll it back, or null.
const char * why_shared(char * line) {
  const char * p = line;
  const Word from = hexadecimal(p), to = hexadecimal(++p);
  if (p[2] != 'w' || p[4] != 's' || (word(host.orders) >= from && word(host.orders) < to)) {
    return nullptr;
  }
  const char * name = strpbrk(p, "/[");
  const bool none =
      !name || !strncmp(name, "/memfd:", 7) || !strncmp(name, "/dev/zero", 9) || !strncmp(name, "/SYSV", 5);
  return none ? "shared memory without a file: " : nullptr;
}

/// Memory that a fork shares would not be rolled back, and what a fork leaves out would be missed.
bool shares_memory() {
  File maps("/proc/self/smaps", O_RDONLY);
  static char text[65536];
  static Text<512> mapping;
  long have = 0;
  for (long n; (n = raw(__NR_read, static_cast<Word>(maps.fd), word(text + have),
                        sizeof text - 1 - static_cast<Word>(have))) > 0;) {
    text[have += n] = 0;
    char * line = text;
    for (char * end; (end = strchr(line, '\n')); line = end + 1) {
      *end = 0;
      const char * why = nullptr;
      if (!strncmp(line, "VmFlags:", 8)) {
        why = strstr(line, " dc") ? "memory that a fork leaves out (MADV_DONTFORK): " : nullptr;
      } else if (*line < 'A' || *line > 'Z') {
        why = why_shared(line);
        (mapping = {}).add(line);
      }
      if (why) {
        const char * name = strpbrk(mapping.s, "/[");
        refuse(false, Text<150>().add(why).add(name ? name : mapping.s).s);
        return true;
      }
    }
    have = text + have - line;
    memmove(text, line, static_cast<std::size_t>(have));
  }
  return false;
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
    library = c_library();
  }
  if (shares_memory() || lacks_in_a_fork()) {
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
