// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "descriptors.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <cstring>
#include <new>

namespace rmw_ckpt::snapshot {
namespace {

constexpr Word second = 1000000000u;

Word fd(int number) {
  return static_cast<Word>(number);
}

const char * after(const char * text, const char * name) {
  const char * p = strstr(text, name);
  if (!p) {
    return nullptr;
  }
  p += strlen(name);
  while (*p == ' ' || *p == '\t' || *p == '(') {
    p++;
  }
  return p;
}

Word decimal_after(const char * text, const char * name) {
  const char * p = after(text, name);
  return p ? decimal(p) : 0;
}

Word hexadecimal_after(const char * text, const char * name) {
  const char * p = after(text, name);
  return p ? hexadecimal(p) : 0;
}

bool refuse(Descriptors & to, int number, const char * what) {
  to.refusal = {};
  to.refusal.add("fd ").add(number).add(" is ").add(what);
  return false;
}

struct Recording {
  Descriptors & to;
  char info[16384];

  bool read_info(int number) {
    return read_text(Text<64>().add("/proc/self/fdinfo/").add(number).s, info, sizeof info) > 0;
  }

  bool epoll(Descriptor & d) {
    d.kind = Descriptor::Epoll;
    d.set = {to.watches, 0};
    if (!read_info(d.number)) {
      return refuse(to, d.number, "an epoll set that /proc does not tell");
    }
    for (const char * p = info; (p = strstr(p, "tfd:")); p += 4) {
      if (to.watches == Descriptors::most_watches) {
        return refuse(to, d.number, "an epoll set of too many");
      }
      to.watch[to.watches++] = {static_cast<int>(decimal_after(p, "tfd:")),
                                static_cast<std::uint32_t>(hexadecimal_after(p, "events:")),
                                hexadecimal_after(p, "data:")};
      d.set.count++;
    }
    return true;
  }

  bool counter(Descriptor & d) {
    d.kind = Descriptor::Eventfd;
    if (!read_info(d.number)) {
      return refuse(to, d.number, "an eventfd that /proc does not tell");
    }
    d.counter = {hexadecimal_after(info, "eventfd-count:"), decimal_after(info, "eventfd-semaphore:") == 1};
    return true;
  }

  bool timer(Descriptor & d) {
    d.kind = Descriptor::Timerfd;
    if (!read_info(d.number)) {
      return refuse(to, d.number, "a timerfd that /proc does not tell");
    }
    auto time = [&](const char * name) {
      const char * p = after(info, name);
      if (!p) {
        return Word{0};
      }
      const Word s = decimal(p);
      while (*p == ',' || *p == ' ') {
        p++;
      }
      return s * second + decimal(p);
    };
    for (int look = 0; look < 2; look++) {  // one that expires just now has neither time left nor ticks
      d.timer = {static_cast<int>(decimal_after(info, "clockid:")), decimal_after(info, "ticks:"), time("it_value:"),
                 time("it_interval:")};
      if (d.timer.left || d.timer.ticks || !read_info(d.number)) {
        break;
      }
    }
    if (d.timer.interval && !d.timer.left) {
      d.timer.ticks += !d.timer.ticks;
    }
    return true;
  }

  /// The contents of a pipe stay in it: they are copied through another one.
  bool contents(Descriptor & d) {
    int waiting = 0;
    raw(__NR_ioctl, fd(d.number), FIONREAD, word(&waiting));
    d.pipe.first = to.contents;
    if (!waiting) {
      return true;
    }
    if (to.contents + waiting > Descriptors::most_contents) {
      return refuse(to, d.number, "a pipe with too much in it");
    }
    int copy[2];
    if (raw(__NR_pipe2, word(copy), O_CLOEXEC) < 0) {
      return refuse(to, d.number, "a pipe that cannot be copied");
    }
    raw(__NR_fcntl, fd(copy[0]), F_SETPIPE_SZ, static_cast<Word>(d.pipe.size));
    const long n = raw(__NR_tee, fd(d.number), fd(copy[1]), static_cast<Word>(waiting), 0);
    while (d.pipe.count < n) {
      const long k = raw(__NR_read, fd(copy[0]), word(to.content + to.contents + d.pipe.count),
                         static_cast<Word>(n - d.pipe.count));
      if (k <= 0) {
        break;
      }
      d.pipe.count += static_cast<int>(k);
    }
    raw(__NR_close, fd(copy[0]));
    raw(__NR_close, fd(copy[1]));
    to.contents += d.pipe.count;
    return d.pipe.count == waiting || refuse(to, d.number, "a pipe that cannot be copied");
  }

  /// What /proc tells of this process is there under another id in the next life.
  bool own_proc(Descriptor & d, const char * rest) {
    const auto size = static_cast<int>(strlen(rest)) + 1;
    if (to.contents + size > Descriptors::most_contents) {
      return refuse(to, d.number, rest);
    }
    d.kind = Descriptor::OwnProc;
    d.proc = {to.contents, raw(__NR_lseek, fd(d.number), 0, SEEK_CUR)};
    memcpy(to.content + to.contents, rest, static_cast<std::size_t>(size));
    to.contents += size;
    return true;
  }

  bool locks(Descriptor & d) {
    if (!read_info(d.number)) {
      return true;
    }
    for (const char * p = info; (p = strstr(p, "lock:")); p += 5) {
      const char * end = strchr(p, '\n');
      const auto has = [&](const char * what) {
        const char * f = strstr(p, what);
        return f && (!end || f < end);
      };
      if (!has("FLOCK")) {
        return refuse(to, d.number, "a file with a record lock");
      }
      d.file.lock = has("WRITE") ? 2 /* LOCK_EX */ : 1 /* LOCK_SH */;
    }
    return true;
  }

  bool one(int number) {
    if (to.count == Descriptors::most) {
      return refuse(to, number, "one too many");
    }
    Descriptor & d = to.all[to.count];
    d = {};
    d.number = number;
    d.same_as = -1;
    d.flags = static_cast<int>(raw(__NR_fcntl, fd(number), F_GETFL, 0));
    d.close_on_exec = raw(__NR_fcntl, fd(number), F_GETFD, 0) & FD_CLOEXEC;
    char link[512];
    const long n =
        raw(__NR_readlink, word(Text<64>().add("/proc/self/fd/").add(number).s), word(link), sizeof link - 1);
    struct stat s;
    if (n < 0 || raw(__NR_fstat, fd(number), word(&s)) < 0) {
      return true;
    }  // closed meanwhile: it was ours
    link[n] = 0;
    d.device = s.st_dev;
    d.inode = s.st_ino;
    to.count++;
    if (!strcmp(link, "anon_inode:[eventpoll]")) {
      return epoll(d);
    }
    if (!strcmp(link, "anon_inode:[eventfd]")) {
      return counter(d);
    }
    if (!strcmp(link, "anon_inode:[timerfd]")) {
      return timer(d);
    }
    if (!strcmp(link, "anon_inode:[signalfd]")) {
      d.kind = Descriptor::Signalfd;
      if (!read_info(number)) {
        return refuse(to, number, "a signalfd that /proc does not tell");
      }
      d.signals = hexadecimal_after(info, "sigmask:");
      return true;
    }
    if (S_ISFIFO(s.st_mode) && link[0] != '/') {
      d.kind = (d.flags & O_ACCMODE) == O_RDONLY ? Descriptor::PipeRead : Descriptor::PipeWrite;
      d.pipe.other = -1;
      d.pipe.size = static_cast<int>(raw(__NR_fcntl, fd(number), F_GETPIPE_SZ, 0));
      return true;
    }
    if (S_ISREG(s.st_mode) && (link[0] == '/') && !strncmp(link, "/memfd:", 7)) {
      return refuse(to, number, link);
    }
    if (S_ISREG(s.st_mode) || S_ISDIR(s.st_mode)) {
      if (d.flags & O_PATH) {
        return true;
      }
      const Text<32> self = Text<32>().add("/proc/").add(raw(__NR_getpid)).add("/");
      if (!strncmp(link, self.s, static_cast<std::size_t>(self.n))) {
        return own_proc(d, link + self.n);
      }
      d.kind = Descriptor::Regular;
      d.file.position = raw(__NR_lseek, fd(number), 0, SEEK_CUR);
      return locks(d);
    }
    const auto major = s.st_rdev >> 8 & 0xfff;
    if (S_ISCHR(s.st_mode) && (major == 1 || major == 5 || (major >= 136 && major < 144))) {
      return true;
    }
    return refuse(to, number, link);
  }

  /// Numbers for one opening, as dup makes them, and the two ends of a pipe.
  bool relate() {
    const Word pid = static_cast<Word>(raw(__NR_getpid));
    for (int i = 0; i < to.count; i++) {
      Descriptor & d = to.all[i];
      for (int k = 0; k <= 2 && d.kind == Descriptor::Regular; k++) {  // who started it has them open, too
        if (d.number == k || !raw(__NR_kcmp, pid, pid, 0 /* KCMP_FILE */, fd(d.number), fd(k))) {
          d.kind = Descriptor::Kept;
        }
      }
      for (int k = 0; k < i && d.same_as < 0; k++) {
        const Descriptor & e = to.all[k];
        const bool alike = e.same_as < 0 && e.kind == d.kind && e.inode == d.inode && e.device == d.device;
        if (alike && d.kind != Descriptor::Kept &&
            !raw(__NR_kcmp, pid, pid, 0 /* KCMP_FILE */, fd(d.number), fd(e.number))) {
          d.same_as = k;
        }
      }
    }
    for (int i = 0; i < to.count; i++) {
      Descriptor & d = to.all[i];
      if (d.kind != Descriptor::PipeRead) {
        continue;
      }
      for (int k = 0; k < to.count; k++) {
        Descriptor & e = to.all[k];
        if (e.kind == Descriptor::PipeWrite && e.inode == d.inode && e.same_as < 0 && d.same_as < 0) {
          if (d.pipe.other >= 0 || e.pipe.other >= 0) {
            return refuse(to, d.number, "a pipe that was opened anew");
          }
          d.pipe.other = k;
          e.pipe.other = i;
        }
      }
      if (d.pipe.other >= 0 && !contents(d)) {
        return false;
      }
    }
    for (int i = 0; i < to.count; i++) {  // the other end is somebody else's: it stays what it is
      Descriptor & d = to.all[i];
      const bool pipe = d.kind == Descriptor::PipeRead || d.kind == Descriptor::PipeWrite;
      if (pipe && (d.same_as < 0 ? d : to.all[d.same_as]).pipe.other < 0) {
        d.kind = Descriptor::Kept;
      }
    }
    return true;
  }
};

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
}  // namespace

bool record_descriptors(Descriptors & to) {
  to.count = to.watches = to.contents = 0;
  to.refusal = {};
  alignas(Recording) static char memory[sizeof(Recording)];
  auto & recording = *new (memory) Recording{to, {}};
  File folder("/proc/self/fd", O_RDONLY | O_DIRECTORY);
  bool good = folder.fd >= 0;
  each_entry(folder.fd, [&](const char * name) {
    const int number = static_cast<int>(decimal(name));
    good = good && (number == folder.fd || recording.one(number));
  });
  return good && recording.relate();
}

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
      case Descriptor::PipeRead:
        good = pipe_anew(all, d);
        break;
      default:
        break;
    }
    if (!good) {
      return refuse(all, d.number, "not to be made anew");
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
