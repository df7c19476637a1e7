// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "scenario.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <cstdint>
#include <thread>

namespace scenario {
namespace {

constexpr int rounds = 20;

/// Watched counters, timers and signals: what was unread is unread, what was watched is watched, and the process that
/// died has changed nothing of it since.
void watching() {
  const int counter = eventfd(0, EFD_NONBLOCK), semaphore = eventfd(3, EFD_SEMAPHORE),
            set = epoll_create1(EPOLL_CLOEXEC);
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), slow = timerfd_create(CLOCK_MONOTONIC, 0);
  sigset_t usr2;
  sigemptyset(&usr2);
  sigaddset(&usr2, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &usr2, nullptr);
  const int signals = signalfd(-1, &usr2, SFD_NONBLOCK);
  const itimerspec each_ms{{0, 1000000}, {0, 1000000}}, hours{{0, 0}, {10000, 0}};
  timerfd_settime(timer, 0, &each_ms, nullptr);
  timerfd_settime(slow, 0, &hours, nullptr);
  for (int fd : {counter, timer, signals}) {
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.u64 = 0x100000000u + static_cast<unsigned>(fd);
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
  }
  static std::atomic<int> ticks, counted, signalled;
  std::thread([=] {
    for (;;) {
      epoll_event e;
      if (epoll_wait(set, &e, 1, -1) != 1) {
        continue;
      }
      std::uint64_t value;
      signalfd_siginfo info;
      const int fd = static_cast<int>(e.data.u64 - 0x100000000u);
      if (fd == timer && read(timer, &value, 8) == 8) {
        set_and_wake(ticks, ticks + 1);
      }
      if (fd == counter && read(counter, &value, 8) == 8) {
        set_and_wake(counted, counted + static_cast<int>(value));
      }
      if (fd == signals && read(signals, &info, sizeof info) > 0) {
        set_and_wake(signalled, signalled + 1);
      }
    }
  }).detach();
  start_engine();
  for (int life = 1;;) {
    life = await_next_life(life);
    EXPECT(await(ticks, ticks + 5));
    const int before = counted, heard = signalled;
    const std::uint64_t five = 5;
    EXPECT(write(counter, &five, 8) == 8 && await(counted, before + 5));
    kill(getpid(), SIGUSR2);
    EXPECT(await(signalled, heard + 1));
    itimerspec left;
    EXPECT(timerfd_gettime(slow, &left) == 0 && left.it_value.tv_sec > 9000);
    std::uint64_t one;
    EXPECT(read(semaphore, &one, 8) == 8 && one == 1);
    one = 1;
    EXPECT(write(semaphore, &one, 8) == 8);
    set_and_wake(shared->done, life - 1);
  }
}

/// What was in a pipe of its own is in it again, and nothing of what was written since.
void piping() {
  int ends[2];
  EXPECT(pipe(ends) == 0);
  const int twin = dup(ends[1]);
  static std::atomic<int> go;
  std::thread([&ends] {  // writes on after the snapshot; the next life hears it from its own
    for (int seen = 0;; seen++) {
      await(go, seen + 1, 1000);
      EXPECT(write(ends[1], "later", 5) == 5);
    }
  })
      .detach();
  start_engine();
  for (int life = 1;;) {
    EXPECT(write(twin, "before", 6) == 6);
    life = await_next_life(life);
    char text[16]{};
    EXPECT(read(ends[0], text, 6) == 6 && std::string(text) == "before");
    set_and_wake(go, life - 1);
    EXPECT(read(ends[0], text, 5) == 5 && std::string(text, 5) == "later");
    set_and_wake(shared->done, life - 1);
  }
}

/// A pair of sockets is its own again, with what was under way; a connection finds its peer gone.
void talking() {
  int pair[2];
  EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  const int listens = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT(bind(listens, reinterpret_cast<sockaddr *>(&address), size) == 0 && listen(listens, 5) == 0);
  EXPECT(getsockname(listens, reinterpret_cast<sockaddr *>(&address), &size) == 0);
  start_engine();
  for (int life = 1;;) {
    const int asks = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT(connect(asks, reinterpret_cast<sockaddr *>(&address), size) == 0);
    const int answers = accept(listens, nullptr, nullptr);
    EXPECT(write(pair[0], "there", 5) == 5 && write(pair[1], "back", 4) == 4);
    life = await_next_life(life);
    char text[16]{};
    EXPECT(read(pair[1], text, 16) == 5 && std::string(text, 5) == "there");
    EXPECT(read(pair[0], text, 16) == 4 && std::string(text, 4) == "back");
    EXPECT(write(pair[0], "x", 1) == 1 && read(pair[1], text, 16) == 1);
    EXPECT(read(asks, text, 1) == 0 && read(answers, text, 1) == 0);
    close(asks);
    close(answers);
    set_and_wake(shared->done, life - 1);
  }
}
}  // namespace

void events() {
  Process p(watching);
  for (int i = 1; i <= rounds; i++) {
    p.round(i);
  }
}
void pipes() {
  Process p(piping);
  for (int i = 1; i <= rounds; i++) {
    p.round(i);
  }
}
void sockets() {
  Process p(talking);
  for (int i = 1; i <= rounds; i++) {
    p.round(i);
  }
}
}  // namespace scenario
