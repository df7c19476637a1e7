// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "scenario.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cstdlib>
#include <cstring>

namespace scenario {
namespace {

void refused(void (*body)(), const char * name) {
  Process p(body);
  check(await(shared->ready, 1), "the process is ready");
  check(!p.snapshot(), "it is refused");
  check(strstr(shared->report.why.s, name) != nullptr, shared->report.why.s);
  check(shared->report.child <= 0, "no child is left");
}
}  // namespace

void memfd() {
  refused(
      [] {
        const int fd = memfd_create("frames", 0);
        EXPECT(ftruncate(fd, 4096) == 0);
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
        start_engine();
        await_next_life(1);
      },
      "memfd:frames");
}

/// Two lives would start a master each.
void starting() {
  static char folder[] = "/tmp/snapshot_test_XXXXXX";
  check(mkdtemp(folder) != nullptr, "a folder is made");
  const std::string lock = std::string(folder) + "/master.lock";
  static const char * path;
  path = lock.c_str();
  {
    Process p([] {
      static std::uint32_t number;
      number = static_cast<std::uint32_t>(open(folder, O_RDONLY | O_DIRECTORY));
      logs_folder = &number;
      const int file = open(path, O_RDWR | O_CREAT, 0600);
      EXPECT(flock(file, LOCK_EX) == 0);
      start_engine();
      await_next_life(1);
    });
    check(await(shared->ready, 1), "the process is ready");
    check(!p.ask() && shared->report.later, "it is refused for now");
    check(strstr(shared->report.why.s, "the lock of who starts the next master") != nullptr, shared->report.why.s);
  }
  unlink(path);
  rmdir(folder);
}

void unforked() {
  refused(
      [] {
        void * frames = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        madvise(frames, 4096, MADV_DONTFORK);
        start_engine();
        await_next_life(1);
      },
      "MADV_DONTFORK");
}

void timed() {
  refused(
      [] {
        timer_t timer;
        timer_create(CLOCK_MONOTONIC, nullptr, &timer);
        start_engine();
        await_next_life(1);
      },
      "timer_create");
}

void socket() {
  refused(
      [] {
        const int fd = ::socket(AF_NETLINK, SOCK_RAW, 0);
        start_engine();
        await_next_life(1);
        close(fd);
      },
      "a socket of family 16");
}
}  // namespace scenario
