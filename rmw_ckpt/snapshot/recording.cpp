// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <asm/termbits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <cstring>
#include <new>

#include "descriptors.hpp"

namespace rmw_ckpt::snapshot {
namespace {

constexpr Word second = 1000000000u;

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

/// Whether two numbers are of one opening. Where kcmp is forbidden, as in containers, the signal number that an opening
/// would send tells it: nothing is sent, for all stand still.
bool are_one(int one, int other) {
  const Word pid = static_cast<Word>(raw(__NR_getpid));
  const long r = raw(__NR_kcmp, pid, pid, 0 /* KCMP_FILE */, fd(one), fd(other));
  if (r >= 0) {
    return r == 0;
  }
  const long former = raw(__NR_fcntl, fd(one), F_GETSIG), its = raw(__NR_fcntl, fd(other), F_GETSIG);
  if (former < 0 || former != its) {
    return false;  // O_PATH, or two that differ
  }
  const long mark = former == 63 ? 62 : 63;
  raw(__NR_fcntl, fd(one), F_SETSIG, static_cast<Word>(mark));
  const bool same = raw(__NR_fcntl, fd(other), F_GETSIG) == mark;
  raw(__NR_fcntl, fd(one), F_SETSIG, static_cast<Word>(former));
  return same;
}

struct Recording {
  Descriptors & to;
  Word peers[Descriptors::most];  // sockets'
  char info[16384];
  char folder[512];  // with a slash at its end; empty: there is none

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

  /// A terminal that somebody sits at is shared with whoever started the process.
  bool is_own_terminal(const Descriptor & d, dev_t device) {
    int session;
    for (int k = 0; k <= 2; k++) {
      struct stat s;
      if (raw(__NR_fstat, fd(k), word(&s)) >= 0 && S_ISCHR(s.st_mode) && s.st_rdev == device) {
        return true;
      }
    }
    return raw(__NR_ioctl, fd(d.number), TIOCGSID, word(&session)) >= 0;
  }

  /// A serial port, or a terminal that is used as one: opened again by its path.
  bool line(Descriptor & d, const char * path) {
    termios2 settings;
    int exclusive = 0;
    if (raw(__NR_ioctl, fd(d.number), TCGETS2, word(&settings)) < 0) {
      return refuse(to, d.number, path);
    }
    raw(__NR_ioctl, fd(d.number), TIOCGEXCL, word(&exclusive));
    const auto size = static_cast<int>(strlen(path)) + 1;
    if (to.contents + static_cast<int>(sizeof settings) + size > Descriptors::most_contents) {
      return refuse(to, d.number, path);
    }
    d.kind = Descriptor::Line;
    d.line = {to.contents, exclusive != 0};
    memcpy(to.content + to.contents, &settings, sizeof settings);
    memcpy(to.content + to.contents + sizeof settings, path, static_cast<std::size_t>(size));
    to.contents += static_cast<int>(sizeof settings) + size;
    return true;
  }

  bool is_in_folder(const char * path) {
    const auto size = strlen(folder);
    return size && !strncmp(path, folder, size) && !strchr(path + size, '/');
  }

  bool locks(Descriptor & d, const char * path) {
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
      if (is_in_folder(path)) {
        to.later = true;
        return refuse(to, d.number, "the lock of who starts the next master");
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
    if (S_ISREG(s.st_mode) && number > 2 && !strncmp(link, "/memfd:", 7)) {
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
      return locks(d, link);
    }
    if (S_ISSOCK(s.st_mode)) {
      return record_socket(to, d, peers[to.count - 1]);
    }
    const auto major = s.st_rdev >> 8 & 0xfff;
    const bool plain = major == 1 || major == 5;  // as /dev/null and /dev/tty
    if (S_ISCHR(s.st_mode) && (plain || is_own_terminal(d, s.st_rdev))) {
      return true;
    }
    return S_ISCHR(s.st_mode) ? line(d, link) : refuse(to, number, link);
  }

  /// Numbers for one opening, as dup makes them, and the two ends of a pipe.
  bool relate() {
    for (int i = 0; i < to.count; i++) {
      Descriptor & d = to.all[i];
      for (int k = 0; k <= 2 && d.kind == Descriptor::Regular; k++) {  // who started it has them open, too
        if (d.number == k || are_one(d.number, k)) {
          d.kind = Descriptor::Kept;
        }
      }
      for (int k = 0; k < i && d.same_as < 0; k++) {
        const Descriptor & e = to.all[k];
        const bool alike = e.same_as < 0 && e.kind == d.kind && e.inode == d.inode && e.device == d.device;
        if (alike && d.kind != Descriptor::Kept && are_one(d.number, e.number)) {
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
    for (int i = 0; i < to.count; i++) {
      Descriptor & d = to.all[i];
      for (int k = 0; d.kind == Descriptor::Pair && d.same_as < 0 && d.socket.other < 0 && k < to.count; k++) {
        const bool its = to.all[k].kind == Descriptor::Pair && to.all[k].same_as < 0 && to.all[k].inode == peers[i];
        d.socket.other = its ? k : -1;
      }
      if (d.kind == Descriptor::Pair && d.same_as < 0) {
        if (d.socket.other < 0) {
          d.kind = Descriptor::Connection;  // the other end is closed, or another process'
        } else if (!record_arrived(to, d)) {
          return false;
        }
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
}  // namespace

bool record_descriptors(Descriptors & to, int of) {
  to.later = false;
  to.count = to.watches = to.contents = 0;
  to.refusal = {};
  alignas(Recording) static char memory[sizeof(Recording)];
  auto & recording = *new (memory) Recording{to, {}, {}, {}};
  const auto link = Text<64>().add("/proc/self/fd/").add(of);
  const long n = of < 0 ? 0 : raw(__NR_readlink, word(link.s), word(recording.folder), sizeof recording.folder - 2);
  recording.folder[n > 0 ? n : 0] = n > 0 ? '/' : 0;
  File folder("/proc/self/fd", O_RDONLY | O_DIRECTORY);
  bool good = folder.fd >= 0;
  each_entry(folder.fd, [&](const char * name) {
    const int number = static_cast<int>(decimal(name));
    good = good && (number == folder.fd || recording.one(number));
  });
  return good && recording.relate();
}
}  // namespace rmw_ckpt::snapshot
