// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "descriptors.hpp"

#include <asm/termbits.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <cstring>

namespace rmw_ckpt::snapshot {
namespace {

constexpr Word second = 1000000000u;

/// An opening of its own of the same file, wherever it is by now, removed or renamed.
bool open_again(const Descriptor & d) {
  const int flags = (d.flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_NOCTTY)) | O_CLOEXEC;
  const long n = raw(__NR_openat, static_cast<Word>(AT_FDCWD), word(Text<64>().add("/proc/self/fd/").add(d.number).s),
                     static_cast<Word>(flags), 0);
  if (n < 0) {
    return false;
  }
  raw(__NR_lseek, static_cast<Word>(n), static_cast<Word>(d.file.position), SEEK_SET);
  raw(__NR_dup3, static_cast<Word>(n), fd(d.number), d.close_on_exec ? O_CLOEXEC : 0);
  raw(__NR_close, static_cast<Word>(n));
  return true;
}

bool place(const Descriptor & d, long n);

/// Of this process and its threads, whatever their ids are now.
void own_proc_anew(Descriptors & all, const Descriptor & d, int (*new_id)(int)) {
  const char * rest = all.content + d.proc.path;
  Text<512> path;
  path.add("/proc/self/");
  if (!strncmp(rest, "task/", 5)) {
    rest += 5;
    path.add("task/").add(new_id(static_cast<int>(decimal(rest))));
  }
  path.add(rest);
  const int flags = d.flags & ~(O_CREAT | O_EXCL | O_TRUNC);
  if (place(d, raw(__NR_openat, static_cast<Word>(AT_FDCWD), word(path.s), static_cast<Word>(flags), 0))) {
    raw(__NR_lseek, fd(d.number), static_cast<Word>(d.proc.position), SEEK_SET);
  }
}

/// What was made as N gets its own number.
bool place(const Descriptor & d, long n) {
  if (n < 0) {
    return false;
  }
  if (n != d.number) {
    raw(__NR_dup3, static_cast<Word>(n), fd(d.number), d.close_on_exec ? O_CLOEXEC : 0);
    raw(__NR_close, static_cast<Word>(n));
  } else {
    raw(__NR_fcntl, fd(d.number), F_SETFD, d.close_on_exec ? FD_CLOEXEC : 0);
  }
  raw(__NR_fcntl, fd(d.number), F_SETFL, static_cast<Word>(d.flags));
  return true;
}

/// What was under way on it is lost, as with who unplugs it for a moment. Opening it does not wait for the other side.
bool line_anew(const Descriptors & all, const Descriptor & d) {
  termios2 settings;
  memcpy(&settings, all.content + d.line.settings, sizeof settings);
  const char * path = all.content + d.line.settings + sizeof settings;
  const int flags = (d.flags & ~(O_CREAT | O_EXCL | O_TRUNC)) | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
  if (!place(d, raw(__NR_openat, static_cast<Word>(AT_FDCWD), word(path), static_cast<Word>(flags), 0))) {
    return false;
  }
  if (d.line.exclusive) {
    raw(__NR_ioctl, fd(d.number), TIOCEXCL);
  }
  return raw(__NR_ioctl, fd(d.number), TCSETS2, word(&settings)) >= 0;
}

bool timer_anew(const Descriptor & d) {
  if (!place(d, raw(__NR_timerfd_create, static_cast<Word>(d.timer.clock), 0))) {
    return false;
  }
  if (!d.timer.left && !d.timer.interval && !d.timer.ticks) {
    return true;
  }
  const Word left = d.timer.ticks ? 1 : d.timer.left;  // what had expired unread expires at once
  const itimerspec t{{static_cast<time_t>(d.timer.interval / second), static_cast<long>(d.timer.interval % second)},
                     {static_cast<time_t>(left / second), static_cast<long>(left % second)}};
  return raw(__NR_timerfd_settime, fd(d.number), 0, word(&t), 0) >= 0;
}

bool pipe_anew(Descriptors & all, const Descriptor & d) {
  int ends[2];
  if (raw(__NR_pipe2, word(ends), O_CLOEXEC) < 0) {
    return false;
  }
  raw(__NR_fcntl, fd(ends[1]), F_SETPIPE_SZ, static_cast<Word>(d.pipe.size));
  for (int done = 0; done < d.pipe.count;) {
    const long n =
        raw(__NR_write, fd(ends[1]), word(all.content + d.pipe.first + done), static_cast<Word>(d.pipe.count - done));
    if (n <= 0) {
      return false;
    }
    done += static_cast<int>(n);
  }
  // An end may have the number that the other is to get.
  const Descriptor & e = all.all[d.pipe.other];
  const long high = raw(__NR_fcntl, fd(ends[1]), F_DUPFD_CLOEXEC, 256);
  raw(__NR_close, fd(ends[1]));
  return place(d, ends[0]) && place(e, high);
}

bool socket_anew(Descriptors & all, const Descriptor & d) {
  int ends[2];
  if (!sockets_anew(all, d, ends)) {
    return false;
  }
  if (d.kind == Descriptor::Connection) {
    return place(d, ends[0]);
  }
  const long high = raw(__NR_fcntl, fd(ends[1]), F_DUPFD_CLOEXEC, 256);  // an end may have the number of the other
  raw(__NR_close, fd(ends[1]));
  return place(d, ends[0]) && place(all.all[d.socket.other], high);
}
}  // namespace

void let_go(Descriptors & all) {
  for (int i = 0; i < all.count; i++) {
    Descriptor & d = all.all[i];
    if (d.kind == Descriptor::Kept || d.kind == Descriptor::OwnProc) {
      continue;
    }
    if (d.kind == Descriptor::Regular && d.same_as < 0) {
      if (!open_again(d)) {
        d.kind = Descriptor::Kept;
      }
    } else {
      raw(__NR_close, fd(d.number));
    }
  }
}

namespace {

/// What it is, and whether it is a lock that is missing: another process has it by now.
bool refuse_anew(Descriptors & all, const Descriptor & d) {
  static const char * const kinds[] = {"kept", "file", "epoll", "eventfd",     "timerfd",    "signalfd",
                                       "pipe", "pipe", "/proc", "socket pair", "connection", "line"};
  char link[160];
  const long n =
      raw(__NR_readlink, word(Text<64>().add("/proc/self/fd/").add(d.number).s), word(link), sizeof link - 1);
  link[n > 0 ? n : 0] = 0;
  const bool locked = d.kind == Descriptor::Regular && d.file.lock;
  return refuse(all, d.number,
                Text<240>()
                    .add("not to be made anew (")
                    .add(kinds[d.kind])
                    .add(" ")
                    .add(link)
                    .add(locked ? ", of which the process had a lock that is another one's by now)" : ")")
                    .s);
}
}  // namespace

bool make_anew(Descriptors & all, int (*new_id)(int)) {
  for (int i = 0; i < all.count; i++) {
    Descriptor & d = all.all[i];
    if (d.same_as >= 0) {
      continue;
    }
    bool good = true;
    switch (d.kind) {
      case Descriptor::Regular:
        good = open_again(d);
        if (good && d.file.lock) {
          good = raw(__NR_flock, fd(d.number), static_cast<Word>(d.file.lock | 4 /* LOCK_NB */)) == 0;
        }
        break;
      case Descriptor::OwnProc:
        own_proc_anew(all, d, new_id);
        break;
      case Descriptor::Line:
        good = line_anew(all, d);
        break;
      case Descriptor::Epoll:
        good = place(d, raw(__NR_epoll_create1, 0));
        break;
      case Descriptor::Eventfd:
        good = place(d, raw(__NR_eventfd2, 0, d.counter.semaphore ? EFD_SEMAPHORE : 0));
        if (good && d.counter.count) {
          good = raw(__NR_write, fd(d.number), word(&d.counter.count), 8) == 8;
        }
        break;
      case Descriptor::Timerfd:
        good = timer_anew(d);
        break;
      case Descriptor::Signalfd:
        good = place(d, raw(__NR_signalfd4, ~Word{0}, word(&d.signals), 8, 0));
        break;
      case Descriptor::Connection:
        good = socket_anew(all, d);
        break;
      case Descriptor::Pair:
        good = d.socket.other < i || socket_anew(all, d);
        break;
      case Descriptor::PipeRead:
        good = pipe_anew(all, d);
        break;
      default:
        break;
    }
    if (!good) {
      return refuse_anew(all, d);
    }
  }
  for (int i = 0; i < all.count; i++) {
    const Descriptor & d = all.all[i];
    if (d.same_as < 0 || d.kind == Descriptor::Kept) {
      continue;
    }
    raw(__NR_dup3, fd(all.all[d.same_as].number), fd(d.number), d.close_on_exec ? O_CLOEXEC : 0);
  }
  for (int i = 0; i < all.count; i++) {  // a set may have another one in it: all exist by now
    const Descriptor & d = all.all[i];
    if (d.kind != Descriptor::Epoll || d.same_as >= 0) {
      continue;
    }
    for (int k = 0; k < d.set.count; k++) {
      const Watch & w = all.watch[d.set.first + k];
      epoll_event e{};
      e.events = w.events;
      e.data.u64 = w.data;
      if (raw(__NR_epoll_ctl, fd(d.number), EPOLL_CTL_ADD, fd(w.number), word(&e)) < 0) {
        return refuse(all, w.number, "not to be watched again");
      }
    }
  }
  return true;
}
}  // namespace rmw_ckpt::snapshot
