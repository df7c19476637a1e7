// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "memory.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <cstring>

namespace rmw_ckpt::snapshot {
namespace {

/// One mapping as /proc/PID/maps has it: why a fork would not roll it back, or null.
const char * why_shared(const char * line, Word except) {
  const char * p = line;
  const Word from = hexadecimal(p), to = hexadecimal(++p);
  if (p[2] != 'w' || p[4] != 's' || (except >= from && except < to)) {
    return nullptr;
  }
  const char * name = strpbrk(p, "/[");
  const bool none =
      !name || !strncmp(name, "/memfd:", 7) || !strncmp(name, "/dev/zero", 9) || !strncmp(name, "/SYSV", 5);
  return none ? "shared memory without a file: " : nullptr;
}

/// A fork has none of its parent's locks.
void note_locked(Memory & to, const char * mapping, bool on_fault) {
  const char * p = mapping;
  const Word from = hexadecimal(p), end = hexadecimal(++p), flags = on_fault ? 1 /* MLOCK_ONFAULT */ : 0;
  Memory::Range * last = to.locked ? &to.lock[to.locked - 1] : nullptr;
  if (last && last->to == from && last->flags == flags) {
    last->to = end;
  } else if (to.locked < Memory::most_locked) {
    to.lock[to.locked++] = {from, end, flags};
  }
}

/// One mapping as /proc/PID/maps has it becomes a hole. What does not fit stays as it is.
void cover(Memory & its, const char * line, const char * name) {
  const char * p = line;
  Memory::Cover c{};
  c.from = hexadecimal(p);
  c.size = hexadecimal(++p) - c.from;
  c.protection = (p[1] == 'r' ? PROT_READ : 0) | (p[2] == 'w' ? PROT_WRITE : 0);
  const bool shared = p[4] == 's';
  c.offset = hexadecimal(p += 6);
  p = strchr(p + 1, ' ');  // behind the device
  c.inode = p ? decimal(++p) : 0;
  c.name = its.names;
  const auto size = static_cast<int>(strlen(name)) + 1;
  if (!shared || its.covered == Memory::most_covered || its.names + size > Memory::most_names ||
      raw(__NR_mmap, c.from, c.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, ~Word{0}, 0) <
          0) {
    return;
  }
  memcpy(its.name + its.names, name, static_cast<std::size_t>(size));
  its.names += size;
  its.cover[its.covered++] = c;
}

/// The same file, if it is still there.
long open_again(int folder, const char * name, const Memory::Cover & its) {
  const int flags = (its.protection & PROT_WRITE ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC;
  const long file = raw(__NR_openat, static_cast<Word>(folder), word(name), static_cast<Word>(flags), 0);
  struct stat s;
  if (file >= 0 && (raw(__NR_fstat, static_cast<Word>(file), word(&s)) < 0 || s.st_ino != its.inode)) {
    raw(__NR_close, static_cast<Word>(file));
    return -1;
  }
  return file;
}

long empty_file(int folder, Word size) {
  const auto name = Text<64>().add(".placeholder-").add(raw(__NR_getpid));
  long file = raw(__NR_openat, static_cast<Word>(folder), word("."), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) {  // not every file system has those
    file = raw(__NR_openat, static_cast<Word>(folder), word(name.s), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    raw(__NR_unlinkat, static_cast<Word>(folder), word(name.s), 0);
  }
  if (file >= 0) {
    raw(__NR_ftruncate, static_cast<Word>(file), size);
  }
  return file;
}

/// Each line of a file in /proc, ended by a zero, until `act` says that it is enough.
template <class Act>
void each_line(const char * path, Act act) {
  static char text[65536];
  File file(path, O_RDONLY);
  long have = 0;
  for (long n; (n = raw(__NR_read, static_cast<Word>(file.fd), word(text + have),
                        sizeof text - 1 - static_cast<Word>(have))) > 0;) {
    text[have += n] = 0;
    char * line = text;
    for (char * end; (end = strchr(line, '\n')); line = end + 1) {
      *end = 0;
      if (!act(line)) {
        return;
      }
    }
    have = text + have - line;
    memmove(text, line, static_cast<std::size_t>(have));
  }
}

/// Fields 48 and 49 of /proc/self/stat, counted from behind the name, which may have blanks.
void find_arguments(Memory & to) {
  char text[1024];
  to.arguments = 0;
  const char * p = read_text("/proc/self/stat", text, sizeof text) > 0 ? strrchr(text, ')') : nullptr;
  for (int field = 2; p && field < 48; field++) {
    p = strchr(p + 1, ' ');
  }
  if (!p) {
    return;
  }
  const Word from = decimal(++p), end = decimal(++p);
  if (from && end > from && end - from <= Memory::most_arguments) {
    to.arguments = from;
    to.arguments_size = static_cast<int>(end - from);
  }
}
}  // namespace

bool record_memory(Memory & to, const void * except) {
  static Text<512> mapping;
  to.locked = 0;
  find_arguments(to);
  const char * why = nullptr;
  each_line("/proc/self/smaps", [&](const char * line) {
    if (!strncmp(line, "VmFlags:", 8)) {
      why = strstr(line, " dc") ? "memory that a fork leaves out (MADV_DONTFORK): " : nullptr;
      if (strstr(line, " lo")) {
        note_locked(to, mapping.s, strstr(line, " lf"));
      }
    } else if (*line < 'A' || *line > 'Z') {
      why = why_shared(line, word(except));
      (mapping = {}).add(line);
    }
    return why == nullptr;
  });
  if (why) {
    const char * name = strpbrk(mapping.s, "/[");
    (to.refusal = {}).add(why).add(name ? name : mapping.s);
  }
  return why == nullptr;
}

void hide_command(Memory & its, int pid) {
  if (!its.arguments) {
    return;
  }
  const auto at = reinterpret_cast<char *>(its.arguments);
  memcpy(its.argument, at, static_cast<std::size_t>(its.arguments_size));
  memset(at, 0, static_cast<std::size_t>(its.arguments_size));
  const auto name = Text<64>().add("rmw_ckpt: snapshot of process ").add(pid);
  for (int i = 0; i < name.n && i < its.arguments_size - 1; i++) {  // without the last zero /proc would go on
    at[i] = name.s[i];
  }
}

void cover_logs(Memory & its, int folder) {
  static char path[512];
  its.covered = its.names = 0;
  const auto link = Text<64>().add("/proc/self/fd/").add(folder);
  const long n = raw(__NR_readlink, word(link.s), word(path), sizeof path - 8);
  if (folder < 0 || n <= 0) {
    return;
  }
  memcpy(path + n, "/logs/", 7);
  each_line("/proc/self/maps", [&](const char * line) {
    const char * name = strchr(line, '/');
    if (name && !strncmp(name, path, static_cast<std::size_t>(n) + 6) && !strchr(name, ' ')) {
      cover(its, line, name + n + 1);
    }
    return true;
  });
}

bool memory_anew(Memory & its, int folder) {
  for (int i = 0; i < its.covered; i++) {
    const Memory::Cover & c = its.cover[i];
    long file = open_again(folder, its.name + c.name, c);
    if (file < 0) {
      file = empty_file(folder, c.offset + c.size);
    }
    const long at = raw(__NR_mmap, c.from, c.size, static_cast<Word>(c.protection), MAP_SHARED | MAP_FIXED,
                        static_cast<Word>(file), c.offset);
    raw(__NR_close, static_cast<Word>(file));
    if (at < 0) {
      (its.refusal = {}).add(its.name + c.name).add(" cannot be mapped again (error ").add(-at).add(")");
      return false;
    }
  }
  if (its.arguments) {
    memcpy(reinterpret_cast<char *>(its.arguments), its.argument, static_cast<std::size_t>(its.arguments_size));
  }
  for (int i = 0; i < its.locked; i++) {  // where the limits are the same it is allowed again
    raw(__NR_mlock2, its.lock[i].from, its.lock[i].to - its.lock[i].from, its.lock[i].flags);
  }
  return true;
}
}  // namespace rmw_ckpt::snapshot
