// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What this process holds of what the kernel gives.
#ifndef HOLDINGS_HPP_
#define HOLDINGS_HPP_

#include <dirent.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <ostream>
#include <string>

struct Holdings {
  size_t mappings;
  size_t descriptors;
  size_t threads;
  size_t memory_kb;  ///< Resident and its own: neither files nor shared memory.

  static Holdings now() {
    return {lines("/proc/self/maps"), entries("/proc/self/fd"), entries("/proc/self/task"), own()};
  }

 private:
  static size_t lines(const char * path) {
    std::ifstream file(path);
    return static_cast<size_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
  }

  static size_t entries(const char * path) {
    const std::unique_ptr<DIR, int (*)(DIR *)> folder(opendir(path), closedir);
    size_t count = 0;
    while (readdir(folder.get()) != nullptr) {
      ++count;
    }
    return count;
  }

  static size_t own() {
    std::ifstream status("/proc/self/status");
    std::string key;
    size_t value = 0;
    while (status >> key && key != "RssAnon:") {
    }
    status >> value;
    return value;
  }
};

inline std::ostream & operator<<(std::ostream & out, const Holdings & holdings) {
  return out << holdings.mappings << " mappings, " << holdings.descriptors << " descriptors, " << holdings.threads
             << " threads, " << holdings.memory_kb << " KiB";
}

#endif  // HOLDINGS_HPP_
