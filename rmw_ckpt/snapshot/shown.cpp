// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "shown.hpp"
#include <link.h>
#include <sys/mman.h>
#include <cerrno>
#include <cstring>

namespace rmw_ckpt::snapshot {
namespace {

Shown * shown;
constexpr int beyond = 1 << 22;  // no process has an id above this

int shown_of(int real) {
  for (int i = 0; i < shown->pairs; i++) {
    if (shown->pair[i].real == real) {
      return shown->pair[i].shown;
    }
  }
  for (int i = 0; i < shown->pairs; i++) {
    if (shown->pair[i].shown == real) {
      return real + beyond;
    }
  }  // its name is another's
  return real;
}

int our_gettid() {
  return shown_of(static_cast<int>(raw(__NR_gettid)));
}

int our_getpid() {
  const int real = static_cast<int>(raw(__NR_getpid));
  return real == shown->pid ? shown->former_pid : real;  // a child of it has its own
}

long our_syscall(long n, Word a, Word b, Word c, Word d, Word e, Word f) {
  if (n == __NR_gettid) {
    return our_gettid();
  }
  const long result = raw(n, a, b, c, d, e, f);
  if (result < 0 && result > -4096) {
    errno = static_cast<int>(-result);
    return -1;
  }
  return result;
}

void module(const link_map & m, Shown & to) {
  const ElfW(Sym) * symbols = nullptr;
  const char * names = nullptr;
  const ElfW(Rela) * tables[2]{};
  Word sizes[2]{}, names_size = 0;
  for (auto d = m.l_ld; d && d->d_tag != DT_NULL; d++) {
    if (d->d_tag == DT_SYMTAB) {
      symbols = reinterpret_cast<const ElfW(Sym) *>(d->d_un.d_ptr);
    }
    if (d->d_tag == DT_STRTAB) {
      names = reinterpret_cast<const char *>(d->d_un.d_ptr);
    }
    if (d->d_tag == DT_STRSZ) {
      names_size = d->d_un.d_val;
    }
    if (d->d_tag == DT_RELA) {
      tables[0] = reinterpret_cast<const ElfW(Rela) *>(d->d_un.d_ptr);
    }
    if (d->d_tag == DT_RELASZ) {
      sizes[0] = d->d_un.d_val;
    }
    if (d->d_tag == DT_JMPREL) {
      tables[1] = reinterpret_cast<const ElfW(Rela) *>(d->d_un.d_ptr);
    }
    if (d->d_tag == DT_PLTRELSZ) {
      sizes[1] = d->d_un.d_val;
    }
  }
  // the vdso's are offsets; of modules only .NET's runtimes are meant, whose exported names tell them
  if (!symbols || !names || word(names) < m.l_addr || !m.l_addr) {
    return;
  }
  const bool dotnet = memmem(names, names_size, "\0DotNetRuntimeDebugHeader", 25) ||
                      memmem(names, names_size, "\0coreclr_initialize", 19);
  const bool asyncio = memmem(names, names_size, "\0PyInit__asyncio", 16);
  if (!dotnet && !asyncio) {
    return;
  }
  for (int k = 0; k < 2; k++) {
    for (Word i = 0; tables[k] && i < sizes[k] / sizeof(ElfW(Rela)); i++) {
      const auto & r = tables[k][i];
      const auto type = ELF64_R_TYPE(r.r_info);
      if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT) {
        continue;
      }
      const char * name = names + symbols[ELF64_R_SYM(r.r_info)].st_name;
      auto add = [&](const char * wanted, Shown::Which which) {
        if (!strcmp(name, wanted) && to.slots < Shown::most_slots) {
          to.slot[to.slots++] = {reinterpret_cast<Word *>(m.l_addr + r.r_offset), which};
        }
      };
      if (dotnet) {
        add("syscall", Shown::Syscall);
        add("gettid", Shown::Gettid);
      }
      if (asyncio) {
        add("getpid", Shown::Getpid);
      }
    }
  }
}
}  // namespace

bool modules_stand_still() {
  return _r_debug.r_state == r_debug::RT_CONSISTENT;
}

void find_slots(Shown & to) {
  to.slots = 0;
  for (const link_map * m = _r_debug.r_map; m; m = m->l_next) {
    module(*m, to);
  }
}

void show_former(Shown & s, const Threads & threads, const int * new_ids) {
  static Shown::Pair next[most_threads];
  shown = &s;
  for (int i = 0; i < threads.count; i++) {
    next[i] = {new_ids[i], shown_of(threads.all[i].tid)};
  }
  memcpy(s.pair, next, sizeof next);
  s.pairs = threads.count;
  s.pid = static_cast<int>(raw(__NR_getpid));
  if (!s.former_pid) {
    s.former_pid = threads.pid;
  }
  for (int i = 0; i < s.slots; i++) {
    const Word page = word(s.slot[i].at) & ~Word{4095};
    raw(__NR_mprotect, page, 4096, PROT_READ | PROT_WRITE);
    const auto which = s.slot[i].which;
    *s.slot[i].at = which == Shown::Syscall  ? reinterpret_cast<Word>(&our_syscall)
                    : which == Shown::Gettid ? reinterpret_cast<Word>(&our_gettid)
                                             : reinterpret_cast<Word>(&our_getpid);
  }
}
}  // namespace rmw_ckpt::snapshot
