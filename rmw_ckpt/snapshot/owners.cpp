// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "owners.hpp"
#include <link.h>
#include <pthread.h>
#include <cstring>

namespace rmw_ckpt::snapshot {
namespace {

constexpr Word page = 4096;
constexpr int near = 48;  // words of the stack that functions of the library use while they lock

// glibc's pthread_mutex_t and pthread_rwlock_t, which are part of its binary interface
struct MutexLayout {
  std::uint32_t lock, count, owner, users, kind, spins;
  Word previous, next;
};
struct RwlockLayout {
  std::uint32_t readers, writers, wrphase, writers_futex, pad3, pad4, writer, shared;
  Word elision, pad2;
  std::uint32_t flags, pad;
};
static_assert(sizeof(pthread_mutex_t) == sizeof(MutexLayout) && sizeof(pthread_rwlock_t) == sizeof(RwlockLayout));
constexpr std::uint32_t id_mask = 0x3fffffff, recursive = 1, checking = 2, robust = 16, inherit = 32, protect = 64;

struct Search {
  const Threads & threads;
  Owners & found;
  void (*breathe)();
  std::uint32_t lowest = ~0u, highest = 0;

  int thread_of(std::uint32_t id) const {
    for (int i = 0; i < threads.count; i++) {
      if (static_cast<std::uint32_t>(threads.all[i].tid) == id) {
        return i;
      }
    }
    return -1;
  }

  void add(Word address, int thread, Owner::Kind kind) {
    if (found.count == Owners::most) {
      found.full = true;
      return;
    }
    found.all[found.count++] = {address, thread, kind};
  }

  /// WORD equals an id of a thread; memory is readable from LOW to HIGH.
  void look(const char * at, int thread, const char * low, const char * high) {
    found.words++;
    if (at - 8 >= low && at - 8 + sizeof(MutexLayout) <= high) {
      MutexLayout m;
      memcpy(&m, at - 8, sizeof m);
      const std::uint32_t type = m.kind & 3;
      const bool plain = m.users >= 1 && m.users < 100000 && m.kind < 1024;
      const bool counted = type == recursive ? m.count >= 1 && m.count < 1000000
                                             : m.count <= (m.kind & (robust | inherit | protect) ? 1u : 0u);
      if (plain && counted && !(m.kind & robust) && !m.previous && !m.next) {
        if (m.kind & inherit) {
          if ((m.lock & id_mask) == m.owner) {
            add(word(at) - 8, thread, Owner::Inheriting);
            return;
          }
        } else if (m.kind & protect) {
          if (m.lock & 3) {
            add(word(at) - 8, thread, Owner::Mutex);
            return;
          }
        } else if ((type == recursive || type == checking) && (m.lock == 1 || m.lock == 2)) {
          add(word(at) - 8, thread, Owner::Mutex);
          return;
        }
      }
    }
    if (at - 24 >= low && at - 24 + sizeof(RwlockLayout) <= high) {
      RwlockLayout w;
      memcpy(&w, at - 24, sizeof w);
      if ((w.readers & 3) == 3 && w.wrphase < 4 && w.writers_futex < 4 && !w.pad3 && !w.pad4 && w.shared < 2 &&
          !w.pad2 && w.flags < 4) {
        add(word(at) - 24, thread, Owner::WriteLock);
      }
    }
  }

  void pages(Word from, Word to, Word low, Word high) {
    const auto span = highest - lowest;
    found.bytes += to - from;
    if (found.bytes % (4u << 20) == 0) {
      breathe();
    }
    for (auto p = reinterpret_cast<const Word *>(from), e = reinterpret_cast<const Word *>(to); p < e; p += 8) {
      bool any = false;
      for (int k = 0; k < 8; k++) {
        any |= static_cast<std::uint32_t>(p[k]) - lowest <= span;
      }
      if (!any) {
        continue;
      }
      for (int k = 0; k < 8; k++) {
        if (static_cast<std::uint32_t>(p[k]) - lowest > span) {
          continue;
        }
        const int t = thread_of(static_cast<std::uint32_t>(p[k]));
        if (t >= 0) {
          look(reinterpret_cast<const char *>(p + k), t, reinterpret_cast<const char *>(low),
               reinterpret_cast<const char *>(high));
        }
      }
    }
  }

  /// The pages of an area that were ever written: others hold no lock.
  void area(long pagemap, Word start, Word end, Word from, Word to) {
    Word entries[512];
    for (Word a = start; a < end;) {
      Word n = (end - a) / page < 512 ? (end - a) / page : 512;
      if (raw(__NR_pread64, static_cast<Word>(pagemap), word(entries), n * 8, a / page * 8) !=
          static_cast<long>(n * 8)) {
        n = 0;
      }
      if (!n) {
        return;
      }
      for (Word i = 0; i < n; i++) {
        const bool there = (entries[i] >> 62) && !(entries[i] >> 61 & 1);  // present or swapped, and anonymous
        const Word p = a + i * page;
        if (there && (p < from || p >= to)) {
          pages(p, p + page, start, end);
        }
      }
      a += n * page;
    }
  }
};
}  // namespace

namespace {

/// glibc's thread for SIGEV_THREAD timers waits for its signal 32; timer_create tells the kernel its id, from a word of
/// the library's own.
void find_helper(const Threads & threads, Owners & found, const Library & library) {
  for (int i = 0; i < threads.count; i++) {
    const Call & c = threads.all[i].call;
    if (c.number != __NR_rt_sigtimedwait || *reinterpret_cast<const Word *>(c.arguments[0]) != Word{1} << 31) {
      continue;
    }
    for (auto p = reinterpret_cast<int *>(library.data); p < reinterpret_cast<int *>(library.data_end); p++) {
      if (*p == threads.all[i].tid && found.count < Owners::most) {
        found.all[found.count++] = {word(p), i, Owner::Helper};
      }
    }
  }
}

/// What a thread that waits for M keeps to write into it.
void mend_waiter(const Thread & t, int new_id, const Library & library) {
  if (where(*t.frame) < library.text || where(*t.frame) >= library.text_end) {
    return;
  }
  int operation;
  const Word lock = waited_for(*t.frame, t.call, operation);
  if (!lock) {
    return;
  }
  MutexLayout m;
  memcpy(&m, reinterpret_cast<void *>(lock), sizeof m);
  if (m.kind >= 1024 || (!(m.kind & 3) && !(m.kind & inherit))) {
    return;
  }
  const auto old = static_cast<Word>(t.tid), now = static_cast<Word>(new_id);
  replace_kept(*t.frame, old, now);
  auto stack = reinterpret_cast<Word *>(stack_of(*t.frame));
  for (int i = 0; i < near; i++) {
    if (stack[i] == old) {
      stack[i] = now;
    }
  }
}
}  // namespace

Library c_library() {
  Library l{};
  dl_iterate_phdr(
      [](dl_phdr_info * i, size_t, void * to) {
        auto & l = *static_cast<Library *>(to);
        Library found{};
        for (int k = 0; k < i->dlpi_phnum; k++) {
          const auto & h = i->dlpi_phdr[k];
          const Word a = i->dlpi_addr + h.p_vaddr, b = a + h.p_memsz;
          if (h.p_type != PT_LOAD) {
            continue;
          }
          if (h.p_flags & PF_X && word(&pthread_mutex_lock) >= a && word(&pthread_mutex_lock) < b) {
            found.text = a;
            found.text_end = b;
          }
          if (h.p_flags & PF_W) {
            found.data = (a + 3) & ~Word{3};
            found.data_end = b & ~Word{3};
          }
        }
        if (!found.text) {
          return 0;
        }
        l = found;
        return 1;
      },
      &l);
  return l;
}

bool writes_owner(const Thread & t, const Library & l) {
  if (where(*t.frame) < l.text || where(*t.frame) >= l.text_end) {
    return false;
  }
  int operation;
  if (waited_for(*t.frame, t.call, operation)) {
    return operation == FUTEX_LOCK_PI || operation == FUTEX_LOCK_PI2 || operation == FUTEX_UNLOCK_PI;
  }
  if (at_call(*t.frame)) {
    return false;
  }
  const auto id = static_cast<Word>(t.tid), *stack = reinterpret_cast<const Word *>(stack_of(*t.frame));
  if (holds(*t.frame, id)) {
    return true;
  }
  for (int i = 0; i < near; i++) {
    if (stack[i] == id) {
      return true;
    }
  }
  return false;
}

long find_owners(const Threads & threads, Owners & found, const Library & library, Word from, Word to,
                 void (*breathe)()) {
  const Word t0 = now_ns();
  found.count = found.words = 0;
  found.bytes = 0;
  found.full = false;
  Search s{threads, found, breathe};
  for (int i = 0; i < threads.count; i++) {
    const auto id = static_cast<std::uint32_t>(threads.all[i].tid);
    s.lowest = id < s.lowest ? id : s.lowest;
    s.highest = id > s.highest ? id : s.highest;
  }
  File maps("/proc/self/maps", O_RDONLY), pagemap("/proc/self/pagemap", O_RDONLY);
  if (maps.fd < 0 || pagemap.fd < 0) {
    return maps.fd < 0 ? maps.fd : pagemap.fd;
  }
  static char buffer[65536];
  long have = 0;
  for (long n; (n = raw(__NR_read, static_cast<Word>(maps.fd), word(buffer + have),
                        sizeof buffer - 1 - static_cast<Word>(have))) > 0;) {
    have += n;
    buffer[have] = 0;
    char * line = buffer;
    for (char * end; (end = strchr(line, '\n')); line = end + 1) {
      const char * p = line;
      const Word a = hexadecimal(p), b = hexadecimal(++p);
      if (p[1] == 'r' && p[2] == 'w' && p[4] == 'p') {
        s.area(pagemap.fd, a, b, from, to);
      }
    }
    have = buffer + have - line;
    memmove(buffer, line, static_cast<std::size_t>(have));
  }
  find_helper(threads, found, library);
  found.ns = now_ns() - t0;
  return 0;
}

void mend_owners(const Owners & owners, const Threads & threads, const Library & library, const int * new_ids) {
  for (int i = 0; i < threads.count; i++) {
    mend_waiter(threads.all[i], new_ids[i], library);
  }
  for (int i = 0; i < owners.count; i++) {
    const Owner & o = owners.all[i];
    const auto old = static_cast<std::uint32_t>(threads.all[o.thread].tid),
               id = static_cast<std::uint32_t>(new_ids[o.thread]);
    if (o.kind == Owner::Helper) {
      *reinterpret_cast<int *>(o.address) = static_cast<int>(id);
      continue;
    }
    if (o.kind == Owner::WriteLock) {
      auto w = reinterpret_cast<RwlockLayout *>(o.address);
      if (w->writer == old) {
        w->writer = id;
      }
      continue;
    }
    auto m = reinterpret_cast<MutexLayout *>(o.address);
    if (m->owner != old) {
      continue;
    }
    m->owner = id;
    if (o.kind != Owner::Mutex) {
      m->lock = (m->lock & ~id_mask) | id;
    }
  }
}
}  // namespace rmw_ckpt::snapshot
