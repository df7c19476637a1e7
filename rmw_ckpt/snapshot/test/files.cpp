// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "scenario.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace scenario {
namespace {

char folder[] = "/tmp/snapshot_test_XXXXXX";
std::string text_of(const std::string & path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

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

int far_end = -1;

/// A terminal that is used as a serial port has its settings again, and what is said to it is heard.
void listening() {
  const int line = open(ptsname(far_end), O_RDWR | O_NOCTTY);
  close(far_end);
  termios raw_mode{}, now{};
  cfmakeraw(&raw_mode);
  cfsetspeed(&raw_mode, B115200);
  raw_mode.c_cc[VMIN] = 3;
  EXPECT(tcsetattr(line, TCSANOW, &raw_mode) == 0);
  start_engine();
  for (int life = 1;;) {
    life = await_next_life(life);
    EXPECT(tcgetattr(line, &now) == 0 && cfgetospeed(&now) == B115200 && now.c_cc[VMIN] == 3 &&
           !(now.c_lflag & ICANON));
    EXPECT(!(fcntl(line, F_GETFL) & O_NONBLOCK));
    set_and_wake(shared->number[0], life);
    char word[4]{};
    EXPECT(read(line, word, 3) == 3 && !strcmp(word, "abc") && write(line, "def", 3) == 3);
    set_and_wake(shared->done, life - 1);
  }
}

/// Who looks for a process by its command does not find its snapshot, and finds it when it is back. Memory that was
/// locked is.
void being_looked_for() {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void * kept = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT(mlock(kept, page) == 0);
  start_engine();
  for (int life = 1;;) {
    life = await_next_life(life);
    EXPECT(text_of("/proc/self/cmdline").find("hidden") != std::string::npos);
    EXPECT(text_of("/proc/self/status").find("VmLck:\t       " + std::to_string(page / 1024) + " kB") !=
           std::string::npos);
    set_and_wake(shared->done, life - 1);
  }
}

/// Logs: one is there when the process is back, and has what it has got since; another one was removed.
void having_logs() {
  static std::uint32_t number;
  number = static_cast<std::uint32_t>(open(folder, O_RDONLY | O_DIRECTORY));
  logs_folder = &number;
  volatile char * log[2];
  for (int i = 0; i < 2; i++) {
    const int file = open(in_folder(i == 0 ? "logs/0" : "logs/1").c_str(), O_RDWR);
    log[i] = static_cast<volatile char *>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 4096));
    close(file);
    log[i][5000] = 'x';
  }
  start_engine();
  for (int life = 1;;) {
    life = await_next_life(life);
    EXPECT(log[0][5000] == 'x' && log[0][0] == 'y' && log[1][5000] == 0 && log[1][0] == 0);
    log[1][0] = 'z';
    set_and_wake(shared->done, life - 1);
    await(shared->number[0], life, 1000);
    log[1][0] = 0;
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

/// As a container's runtime forbids it where nothing else is asked for.
void contained() {
  rounds_with_files([] {
    const auto refuse = [](unsigned call, unsigned error) {
      sock_filter rules[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                             BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
                             BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
                             BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
      const sock_fprog filter{sizeof rules / sizeof *rules, rules};
      return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
    };
    EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && refuse(SYS_kcmp, EPERM) && refuse(SYS_clone3, ENOSYS));
    reading_and_writing();
  });
}

void lines() {
  far_end = posix_openpt(O_RDWR | O_NOCTTY);
  check(grantpt(far_end) == 0 && unlockpt(far_end) == 0, "there is a terminal");
  Process p(listening);
  for (int i = 1; i <= 20; i++) {
    check(await(shared->ready, i), "the process is ready");
    check(p.snapshot(), "a snapshot is taken");
    p.kill();
    check(p.revive() && await(shared->number[0], i + 1), "the revived process listens");
    char word[4]{};
    check(write(far_end, "abc", 3) == 3 && await(shared->done, i), "what is said to it is heard");
    check(read(far_end, word, 3) == 3 && !strcmp(word, "def"), "and answered");
    check(!shared->wrong[0], "all is as it was");
  }
}

void hidden() {
  Process p(being_looked_for);
  for (int i = 1; i <= 3; i++) {
    check(await(shared->ready, i) && p.snapshot(), "a snapshot is taken");
    const auto command = "/proc/" + std::to_string(shared->report.child) + "/cmdline";
    const std::string name = "rmw_ckpt: snapshot of process " + std::to_string(p.pid);
    for (int look = 0; text_of(command).compare(0, 8, name, 0, 8) != 0; look++) {
      check(look < 10000, "the child has a name of its own");
      usleep(1000);
    }
    check(text_of(command).find("hidden") == std::string::npos, "it has not the process'");
    p.kill();
    check(p.revive() && await(shared->done, i), "the revived process has looked");
    check(!shared->wrong[0], "all is as it was");
  }
}

void covered() {
  check(mkdtemp(folder) && mkdir(in_folder("logs").c_str(), 0700) == 0, "a folder is made");
  for (const char * name : {"logs/0", "logs/1"}) {
    const int file = open(in_folder(name).c_str(), O_RDWR | O_CREAT, 0600);
    check(ftruncate(file, 16384) == 0, "a log is made");
    close(file);
  }
  {
    Process p(having_logs);
    for (int i = 1; i <= 3; i++) {
      check(await(shared->ready, i) && p.snapshot(), "a snapshot is taken");
      const auto maps = "/proc/" + std::to_string(shared->report.child) + "/maps";
      for (int look = 0; text_of(maps).find("/logs/") != std::string::npos && i == 1; look++) {
        check(look < 10000, "the child maps no log");
        usleep(1000);
      }
      const int file = open(in_folder("logs/0").c_str(), O_RDWR);
      check(pwrite(file, "y", 1, 4096) == 1, "a log goes on");
      close(file);
      unlink(in_folder("logs/1").c_str());
      p.kill();
      check(p.revive() && await(shared->done, i), "the revived process has looked");
      check(!shared->wrong[0], "all is as it was");
      set_and_wake(shared->number[0], i + 1);
    }
  }
  unlink(in_folder("logs/0").c_str());
  rmdir(in_folder("logs").c_str());
  rmdir(folder);
}

void locked() {
  rounds_with_files(locking_a_file);
}
}  // namespace scenario
