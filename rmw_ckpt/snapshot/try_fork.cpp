// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Whether snapshots by fork work on this machine for this user: a child of this program has one taken of it, is killed
// and revived. Exit status 0: they do; 1: standard output says why not. It ends within 20 s, whatever happens.
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <mutex>
#include <thread>

#include "snapshot.hpp"

namespace {
using namespace rmw_ckpt::snapshot;

constexpr Word second = 1000000000u;

struct Shared {
  Orders orders;
  std::atomic<int> taken;  // 1: a snapshot; -1: WHY there is none
  std::atomic<int> lives, good;
  Text<200> why;
} * shared;

bool await(std::atomic<int> & a) {
  for (const Word end = now_ns() + 5 * second; a == 0;) {
    if (now_ns() > end) {
      return false;
    }
    sleep_while(a, 0, second / 10);
  }
  return true;
}

void set(std::atomic<int> & a, int value) {
  a = value;
  wake(a);
}

/// Has a thread more than its engine's, and holds a lock that knows its owner by a thread's id.
[[noreturn]] void victim() {
  std::recursive_mutex lock;
  lock.lock();
  std::thread([] {
    Report report;
    const Host host{&shared->orders, [](void *) { return true; }, nullptr, nullptr, 10 * second, nullptr, nullptr};
    Life life;
    do {
      life = take(host, report);
    } while (life == Life::Refused && report.later && !shared->lives);
    if (life == Life::Next) {
      set(shared->lives, 1);
    } else {
      shared->why = report.why;
      set(shared->taken, life == Life::Same ? 1 : -1);
    }
    pause();
  }).detach();
  while (!await(shared->lives)) {
  }
  lock.lock();
  set(shared->good, 1);
  _exit(0);
}

const char * why_not() {
  const int first = fork();
  if (first == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    victim();
  }
  if (first < 0) {
    return "the kernel refuses a fork";
  }
  const bool answers = await(shared->taken);
  kill(first, SIGKILL);
  waitpid(first, nullptr, 0);
  if (!answers) {
    return "no snapshot was taken in 5 s";
  }
  if (shared->taken < 0) {
    return shared->why.s;
  }
  shared->orders.order++;
  wake_orders(shared->orders);
  if (!await(shared->orders.answered)) {
    return "the child that is the snapshot does not answer";
  }
  if (!await(shared->good)) {
    return shared->orders.why[0] ? shared->orders.why : "what was revived does not run";
  }
  return nullptr;
}
}  // namespace

int main() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  shared =
      static_cast<Shared *>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (shared == MAP_FAILED) {
    return 1;
  }
  const char * const why = why_not();
  if (why) {
    puts(why);
    fflush(stdout);
    if (shared->orders.pid > 0) {
      kill(shared->orders.pid, SIGKILL);
    }
  }
  shared->orders.over = 1;
  wake_orders(shared->orders);
  while (waitpid(-1, nullptr, __WALL) > 0) {
  }
  return why ? 1 : 0;
}
