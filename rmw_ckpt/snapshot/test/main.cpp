// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "scenario.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <thread>

namespace scenario {
using namespace rmw_ckpt::snapshot;

Shared * shared;
const std::uint32_t * logs_folder;

namespace {

int the_process;  // the first life's
}  // namespace

void wrong(const std::string & what) {
  if (!shared->wrong[0]) {
    snprintf(shared->wrong, sizeof shared->wrong, "life %d, %s", shared->life.load(), what.c_str());
  }
}

void check(bool good, const char * what) {
  if (good) {
    return;
  }
  fprintf(stderr, "failed: %s%s%s\n", what, shared->wrong[0] ? "; " : "", shared->wrong);
  if (shared->refused) {
    fprintf(stderr, "refused: %s\n", shared->report.why.s);
  }
  shared->orders.over = 1;
  wake_orders(shared->orders);
  for (int pid : {the_process, shared->orders.pid.load()}) {
    if (pid > 0) {
      kill(pid, SIGKILL);
    }
  }
  exit(1);
}

void set_and_wake(std::atomic<int> & a, int value) {
  a = value;
  wake(a);
}

bool await(std::atomic<int> & a, int value, int seconds) {
  const Word end = now_ns() + static_cast<Word>(seconds) * 1000000000u;
  for (int v; (v = a) < value;) {
    const Word now = now_ns();
    if (now > end) {
      return false;
    }
    sleep_while(a, v, end - now + 1);
  }
  return true;
}

void start_engine() {
  std::thread([] {
    pthread_setname_np(pthread_self(), "engine");
    set_and_wake(shared->life, 1);
    for (int seen = 0;;) {
      await(shared->ask, seen + 1, 1000);
      seen = shared->ask;
      const Host host{&shared->orders,
                      [](void *) {
                        int nobody = 0;
                        return shared->claim.compare_exchange_strong(nobody, static_cast<int>(raw(__NR_getpid)));
                      },
                      nullptr,
                      nullptr,
                      shared->patience,
                      logs_folder,
                      nullptr};
      Report report;
      switch (take(host, report)) {
        case Life::Next:
          set_and_wake(shared->life, shared->life + 1);
          continue;
        case Life::Refused:
          shared->refused = true;
          break;
        case Life::Same:
          shared->refused = false;
          break;
      }
      shared->report = report;
      set_and_wake(shared->taken, seen);
    }
  }).detach();
  await(shared->life, 1);
}

int await_next_life(int known) {
  set_and_wake(shared->ready, known);
  await(shared->life, known + 1, 1000);
  return known + 1;
}

Process::Process(void (*body)()) {
  shared =
      static_cast<Shared *>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  shared->patience = 10000000000u;
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // the test waits for revived ones, too
  pid = fork();
  the_process = pid;
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
    _exit(0);
  }
}

Process::~Process() {
  shared->orders.over = 1;
  wake_orders(shared->orders);
  if (pid) {
    kill();
  }
  for (int i = 0; waitpid(-1, nullptr, __WALL) > 0 && i < 10; i++) {
  }
}

bool Process::snapshot() {
  for (int again = 0; !ask(); again++) {
    if (!shared->report.later || again == 100) {
      return false;
    }
  }
  return true;
}

bool Process::ask() {
  set_and_wake(shared->ask, shared->ask + 1);
  check(await(shared->taken, shared->ask), "a snapshot is taken or refused");
  return !shared->refused;
}

void Process::kill() {
  // Its parent is a snapshot that may be about to end: who waits for it may not be this one yet.
  pollfd end{static_cast<int>(raw(__NR_pidfd_open, static_cast<Word>(pid), 0)), POLLIN, 0};
  ::kill(pid, SIGKILL);
  poll(&end, 1, 10000);
  close(end.fd);
  waitpid(pid, nullptr, __WALL | WNOHANG);
  pid = 0;
}

bool Process::revive() {
  const int life = shared->life;
  shared->claim = 0;
  shared->orders.order++;
  wake_orders(shared->orders);
  check(await(shared->orders.answered, shared->orders.order), "the child answers");
  pid = shared->orders.pid;
  return await(shared->life, life + 1);
}

void Process::round(int number) {
  check(await(shared->ready, number), "the process is ready");
  check(snapshot(), "a snapshot is taken");
  kill();
  check(revive(), "the revived process runs");
  check(await(shared->done, number), "the revived process has looked at all");
  check(!shared->wrong[0], "all is as it was");
}
}  // namespace scenario

int main(int argc, char ** argv) {
  using namespace scenario;
  const std::map<std::string, void (*)()> all{
      {"threads", threads},     {"pending", pending},     {"stubborn", stubborn},     {"locks", locks},
      {"files", files},         {"locked", locked},       {"events", events},         {"pipes", pipes},
      {"sockets", sockets},     {"twice", twice},         {"superseded", superseded}, {"claimed", claimed},
      {"memfd", memfd},         {"unforked", unforked},   {"timed", timed},           {"socket", socket},
      {"contained", contained}, {"forgotten", forgotten}, {"lines", lines},           {"hidden", hidden},
      {"covered", covered},     {"starting", starting}};
  if (argc != 2 || !all.count(argv[1])) {
    fprintf(stderr, "snapshot_test NAME: one of");
    for (auto & a : all) {
      fprintf(stderr, " %s", a.first.c_str());
    }
    fprintf(stderr, "\n");
    return 2;
  }
  all.at(argv[1])();
  return 0;
}
