// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "scenario.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
#include <cstring>

namespace scenario {
namespace {

char folder[] = "/tmp/snapshot_test_XXXXXX";
std::string in_folder(const char * name) {
  return std::string(folder) + "/" + name;
}

/// Positions, flags, numbers for one opening and for two, and a file that has no name any more.
void reading_and_writing() {
  const int a = open(in_folder("a").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), twin = dup(a);
  const int apart = open(in_folder("a").c_str(), O_RDONLY);
  const int log = open(in_folder("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int gone = open(in_folder("gone").c_str(), O_RDWR | O_CREAT, 0600);
  unlink(in_folder("gone").c_str());
  const int self = open("/proc/self/task", O_RDONLY | O_DIRECTORY), status = open("/proc/self/status", O_RDONLY);
  const int mine = open(("/proc/self/task/" + std::to_string(getpid()) + "/stat").c_str(), O_RDONLY);
  start_engine();
  const auto at = [](int fd) { return lseek(fd, 0, SEEK_CUR); };
  for (int life = 1;;) {
    EXPECT(write(a, "0123456789", 10) == 10 && write(log, "x", 1) == 1 && write(gone, "abc", 3) == 3);
    char three[3];
    EXPECT(read(apart, three, 3) == 3);
    const auto at_a = at(a), at_apart = at(apart), at_gone = at(gone);
    life = await_next_life(life);
    EXPECT(at(a) == at_a && at(twin) == at_a && at(apart) == at_apart && at(gone) == at_gone);
    EXPECT(write(twin, "y", 1) == 1 && at(a) == at_a + 1 && at(apart) == at_apart);
    EXPECT((fcntl(a, F_GETFD) & FD_CLOEXEC) && !(fcntl(twin, F_GETFD) & FD_CLOEXEC) &&
           (fcntl(log, F_GETFL) & O_APPEND));
    EXPECT(faccessat(self, std::to_string(getpid()).c_str(), F_OK, 0) == 0);
    char text[2000]{};
    EXPECT(pread(status, text, sizeof text - 1, 0) > 0 &&
           strstr(text, ("\nPid:\t" + std::to_string(getpid()) + "\n").c_str()));
    EXPECT(pread(mine, text, 20, 0) > 0 && !strncmp(text, std::to_string(getpid()).c_str(), 3));
    char first[3];
    EXPECT(pread(gone, first, 3, 0) == 3 && first[2] == 'c');
    set_and_wake(shared->done, life - 1);
  }
}

/// A file lock is the node's, not its sleeping child's, and the next life's again.
void locking_a_file() {
  const int fd = open(in_folder("lock").c_str(), O_RDWR | O_CREAT, 0600);
  EXPECT(flock(fd, LOCK_EX | LOCK_NB) == 0);
  start_engine();
  for (int life = 1;;) {
    life = await_next_life(life);
    const int other = open(in_folder("lock").c_str(), O_RDWR);
    EXPECT(flock(other, LOCK_EX | LOCK_NB) != 0);
    close(other);
    set_and_wake(shared->done, life - 1);
  }
}

/// The process moves its positions on after its snapshot: its end must not be where the next life is.
void rounds_with_files(void (*body)()) {
  if (!mkdtemp(folder)) {
    check(false, "a folder is made");
  }
  {
    Process p(body);
    for (int i = 1; i <= 20; i++) {
      p.round(i);
    }
  }
  for (const char * name : {"a", "log", "gone", "lock"}) {
    unlink(in_folder(name).c_str());
  }
  rmdir(folder);
}
}  // namespace

void files() {
  rounds_with_files(reading_and_writing);
}

void locked() {
  rounds_with_files(locking_a_file);
}
}  // namespace scenario
