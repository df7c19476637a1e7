// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "scenario.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

namespace scenario {
namespace {

constexpr int rounds = 20;

int tid() {
  return static_cast<int>(syscall(SYS_gettid));
}

/// Threads that work, sleep and wait go on, with their own memory, names and ids.
void working() {
  static std::mutex mutex;
  static std::condition_variable turn;
  static long turns;
  static std::atomic<long> busy;
  static thread_local int own = 5;
  std::vector<std::thread> all;
  for (int i = 0; i < 4; i++) {
    all.emplace_back([i] {
      own = i;
      for (;;) {
        std::unique_lock<std::mutex> l(mutex);
        turn.wait(l, [i] { return turns % 4 == i; });
        EXPECT(own == i);
        turns++;
        turn.notify_all();
      }
    });
  }
  all.emplace_back([] {
    for (;;) {
      busy++;
    }
  });
  const pthread_t other = all.back().native_handle();
  pthread_setname_np(other, "busy");
  start_engine();
  for (int life = 1;;) {
    life = await_next_life(life);
    std::unique_lock<std::mutex> l(mutex);
    const long before = turns, worked = busy;
    turn.wait(l, [before] { return turns > before + 100; });
    l.unlock();
    while (busy == worked) {
      sched_yield();
    }
    char name[16];
    EXPECT(pthread_getname_np(other, name, sizeof name) == 0 && !strcmp(name, "busy"));
    EXPECT(tid() == getpid());
    std::thread([] { EXPECT(own == 5); }).join();
    set_and_wake(shared->done, life - 1);
  }
}

/// A signal that was sent and not yet handled is handled in the next life.
void signalled() {
  static std::atomic<int> handled;
  signal(SIGUSR1, [](int) { handled++; });
  static std::atomic<int> round;
  static std::atomic<int> blocked;
  const std::thread waiter([] {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    for (int seen = 0;; seen++) {
      pthread_sigmask(SIG_BLOCK, &set, nullptr);
      set_and_wake(blocked, seen + 1);
      await(round, seen + 1, 1000);
      pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    }
  });
  start_engine();
  for (int life = 1;;) {
    await(blocked, life, 1000);
    pthread_kill(const_cast<std::thread &>(waiter).native_handle(), SIGUSR1);
    const int before = handled;
    life = await_next_life(life);
    EXPECT(handled == before);
    set_and_wake(round, life - 1);
    await(blocked, life, 1000);
    EXPECT(handled == before + 1);
    set_and_wake(shared->done, life - 1);
  }
}

/// Locks that hold the id of a thread are still their holder's, and still nobody else's.
void locking() {
  static std::recursive_mutex recursive;
  static std::shared_mutex writing;
  static std::recursive_timed_mutex timed;
  static pthread_mutex_t checked;
  pthread_mutexattr_t type;
  pthread_mutexattr_init(&type);
  pthread_mutexattr_settype(&type, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_init(&checked, &type);
  static std::atomic<int> through;
  start_engine();
  for (int life = 1;;) {
    std::unique_lock<std::recursive_mutex> a(recursive), b(recursive);
    std::unique_lock<std::shared_mutex> c(writing);
    std::unique_lock<std::recursive_timed_mutex> d(timed);
    EXPECT(pthread_mutex_lock(&checked) == 0);
    through = 0;
    static std::atomic<int> waiting;
    waiting = 0;
    const auto pass = [](auto take_and_give) {
      return std::thread([take_and_give] {
        waiting++;
        take_and_give();
        through++;
      });
    };
    std::vector<std::thread> all;
    all.push_back(pass([] {
      recursive.lock();
      recursive.lock();
      recursive.unlock();
      recursive.unlock();
    }));
    all.push_back(pass([] {
      writing.lock_shared();
      writing.unlock_shared();
      writing.lock();
      writing.unlock();
    }));
    all.push_back(pass([] {
      EXPECT(timed.try_lock_for(std::chrono::seconds(30)));
      timed.lock();
      timed.unlock();
      timed.unlock();
    }));
    all.push_back(pass([] {
      EXPECT(pthread_mutex_lock(&checked) == 0);
      EXPECT(pthread_mutex_unlock(&checked) == 0);
    }));
    while (waiting < 4) {
      sched_yield();
    }
    life = await_next_life(life);
    EXPECT(recursive.try_lock());
    recursive.unlock();
    EXPECT(through == 0);
    EXPECT(pthread_mutex_lock(&checked) == EDEADLK);
    EXPECT(pthread_mutex_unlock(&checked) == 0);
    a.unlock();
    b.unlock();
    c.unlock();
    d.unlock();
    for (auto & t : all) {
      t.join();
    }
    EXPECT(through == 4);
    set_and_wake(shared->done, life - 1);
  }
}

/// A thread that cannot be stopped for a while, and can afterwards; number[0]: it can.
void blocking() {
  std::thread([] {
    const unsigned long all = ~0ul, none = 0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, 8);  // the C library would leave its own signals out
    set_and_wake(shared->number[1], 1);
    await(shared->number[0], 1, 1000);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, 8);
    for (int i = 2;; i++) {
      set_and_wake(shared->number[1], i);
      usleep(100);
    }
  }).detach();
  await(shared->number[1], 1);
  start_engine();
  for (int life = 1;;) {
    life = await_next_life(life);
    EXPECT(await(shared->number[1], shared->number[1] + 3));
    set_and_wake(shared->done, life - 1);
  }
}

/// One that has nothing but an engine.
void plain() {
  start_engine();
  for (int life = 1;;) {
    life = await_next_life(life);
    set_and_wake(shared->done, life - 1);
  }
}
}  // namespace

void threads() {
  Process p(working);
  for (int i = 1; i <= rounds; i++) {
    p.round(i);
  }
}
void pending() {
  Process p(signalled);
  for (int i = 1; i <= rounds; i++) {
    p.round(i);
  }
}
void locks() {
  Process p(locking);
  for (int i = 1; i <= rounds; i++) {
    p.round(i);
  }
}

void stubborn() {
  Process p(blocking);
  check(await(shared->ready, 1), "the process is ready");
  for (int i = 0; i < 3; i++) {
    check(!p.ask(), "it is not snapshotted");
    check(strstr(shared->report.why.s, "did not stop") && shared->report.later, shared->report.why.s);
  }
  set_and_wake(shared->number[0], 1);
  check(await(shared->number[1], 5), "the thread goes on");
  p.round(1);
}

void twice() {
  Process p(plain);
  check(await(shared->ready, 1), "the process is ready");
  check(p.snapshot(), "a snapshot is taken");
  p.kill();
  check(p.revive(), "it is revived");
  p.kill();
  check(p.revive(), "it is revived from the same snapshot");
}

void superseded() {
  Process p(plain);
  check(await(shared->ready, 1), "the process is ready");
  check(p.snapshot(), "a snapshot is taken");
  const int first = shared->report.child;
  check(p.snapshot(), "another one is taken");
  check(kill(first, 0) != 0, "the first one's child has ended");
  p.kill();
  check(p.revive(), "the second one is revived");
}

void claimed() {
  Process p(plain);
  check(await(shared->ready, 1), "the process is ready");
  check(p.snapshot(), "a snapshot is taken");
  p.kill();
  shared->claim = 1;  // another one has it
  shared->orders.order++;
  rmw_ckpt::snapshot::wake_orders(shared->orders);
  check(await(shared->orders.answered, 1), "the child answers");
  check(!await(shared->life, 2, 1), "no second one runs");
  check(shared->life == 1, "no second one has run");
  check(p.revive(), "with the claim it runs");
}

void forgotten() {
  Process p(plain);
  shared->patience = 100000000u;
  check(await(shared->ready, 1), "the process is ready");
  check(p.snapshot(), "a snapshot is taken");
  pollfd child{static_cast<int>(syscall(SYS_pidfd_open, shared->report.child, 0)), POLLIN, 0};
  check(poll(&child, 1, 500) == 0, "the child stays while its process lives");
  p.kill();
  check(poll(&child, 1, 10000) == 1, "nobody orders a revival: the child ends");
}
}  // namespace scenario
