// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// System calls, files and numbers without the C library: what runs in a stopped process may call nothing that takes a
// lock.
#ifndef KERNEL_HPP_
#define KERNEL_HPP_

#include <fcntl.h>
#include <linux/futex.h>
#include <time.h>
#include <atomic>
#include "x86_64.hpp"

namespace rmw_ckpt::snapshot {
template <class T>
Word word(T * p) {
  return reinterpret_cast<Word>(p);
}
inline Word word_of(std::atomic<int> & a) {
  return reinterpret_cast<Word>(&a);
}

inline Word now_ns() {
  timespec t{};
  raw(__NR_clock_gettime, CLOCK_MONOTONIC, word(&t));
  return static_cast<Word>(t.tv_sec) * 1000000000u + static_cast<Word>(t.tv_nsec);
}

/// Sleeps while A is VALUE, for at most NS nanoseconds (0: for ever). Wakes for no reason, too.
inline void sleep_while(std::atomic<int> & a, int value, Word ns = 0) {
  timespec t{static_cast<time_t>(ns / 1000000000u), static_cast<long>(ns % 1000000000u)};
  raw(__NR_futex, word_of(a), FUTEX_WAIT, static_cast<Word>(value), ns ? word(&t) : 0);
}
inline void wake(std::atomic<int> & a) {
  raw(__NR_futex, word_of(a), FUTEX_WAKE, 0x7fffffff);
}

/// Text built without allocation: "/proc/self/task/", 12, "/comm".
template <int N>
struct Text {
  char s[N]{};
  int n = 0;
  Text & add(const char * t) {
    while (*t && n < N - 1) {
      s[n++] = *t++;
    }
    s[n] = 0;
    return *this;
  }
  Text & add(long v) {
    char d[24];
    int k = 0;
    if (v < 0) {
      add("-");
      v = -v;
    }
    do {
      d[k++] = static_cast<char>('0' + v % 10);
      v /= 10;
    } while (v);
    while (k && n < N - 1) {
      s[n++] = d[--k];
    }
    s[n] = 0;
    return *this;
  }
};

struct File {
  long fd;
  File(const char * path, int flags, int mode = 0)
      : fd(raw(__NR_openat, static_cast<Word>(AT_FDCWD), word(path), static_cast<Word>(flags | O_CLOEXEC),
               static_cast<Word>(mode))) {}
  ~File() {
    if (fd >= 0) {
      raw(__NR_close, static_cast<Word>(fd));
    }
  }
  File(const File &) = delete;
  File & operator=(const File &) = delete;
};

/// The whole of a small file, ended by a zero; a negative error.
inline long read_text(const char * path, char * to, long size) {
  File f(path, O_RDONLY);
  if (f.fd < 0) {
    return f.fd;
  }
  long n = 0;
  for (long k; n < size - 1 &&
               (k = raw(__NR_read, static_cast<Word>(f.fd), word(to + n), static_cast<Word>(size - 1 - n))) > 0;) {
    n += k;
  }
  to[n] = 0;
  return n;
}

inline Word hexadecimal(const char *& p) {
  for (Word v = 0;; p++) {
    if (*p >= '0' && *p <= '9') {
      v = v * 16 + static_cast<Word>(*p - '0');
    } else if (*p >= 'a' && *p <= 'f') {
      v = v * 16 + static_cast<Word>(*p - 'a' + 10);
    } else {
      return v;
    }
  }
}
inline Word decimal(const char *& p) {
  Word v = 0;
  while (*p >= '0' && *p <= '9') {
    v = v * 10 + static_cast<Word>(*p++ - '0');
  }
  return v;
}

/// Calls F(name) for each entry of an open folder.
template <class F>
void each_entry(long folder, F f) {
  alignas(8) char buffer[8192];
  raw(__NR_lseek, static_cast<Word>(folder), 0, 0);
  for (long n; (n = raw(__NR_getdents64, static_cast<Word>(folder), word(buffer), sizeof buffer)) > 0;) {
    for (long o = 0; o < n;) {
      char * d = buffer + o;
      o += *reinterpret_cast<unsigned short *>(d + 16);
      if (d[19] != '.') {
        f(d + 19);
      }
    }
  }
}
}  // namespace rmw_ckpt::snapshot

#endif  // KERNEL_HPP_
