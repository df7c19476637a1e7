// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "unreadable.hpp"

#include <rcutils/logging_macros.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

namespace rmw_ckpt {
namespace {

/// Writers that are counted apart; there may be many that come, send one, and go.
constexpr size_t most_writers = 256;

/// As in the log's folder, and in `rmw_ckpt journal list --json`.
std::string hex(const std::array<uint8_t, CKPT_GID_SIZE> & gid) {
  std::string text;
  for (const uint8_t byte : gid) {
    char two[3];
    std::snprintf(two, sizeof(two), "%02x", byte);
    text += two;
  }
  return text;
}

}  // namespace

void Unreadable::note(const ckpt_message & message, const char * name) {
  const std::string reason = rmw_error_is_set() ? rmw_get_error_state()->message : "unknown";
  rmw_reset_error();
  std::array<uint8_t, CKPT_GID_SIZE> writer{};
  std::memcpy(writer.data(), message.writer, writer.size());
  uint64_t count = 0;
  {
    const std::lock_guard lock(mutex_);
    if (counts_.size() >= most_writers && counts_.count(writer) == 0) {
      counts_.clear();
    }
    count = ++counts_[writer];
  }
  if (count % interval == 1) {
    RCUTILS_LOG_WARN_NAMED(identifier,
                           "%s: a message of %" PRIu64
                           " bytes from %s is dropped, for it is none of its type: %s (%" PRIu64 " from there so far)",
                           name, message.size, hex(writer).c_str(), reason.c_str(), count);
  }
}

}  // namespace rmw_ckpt
