// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Messages whose bytes are none of their type: those of an older definition in a bag, or of a damaged one. They are
// dropped, as by the other middlewares, and that is said.
#ifndef UNREADABLE_HPP_
#define UNREADABLE_HPP_

#include <array>
#include <map>
#include <mutex>

#include "common.hpp"

namespace rmw_ckpt {

/// What a reader of a message returns, with the error set, that cannot make one of its bytes. Never leaves take().
inline constexpr rmw_ret_t unreadable = 0x7fff;

/// How many an endpoint has dropped, of each writer. Thread-safe.
class Unreadable {
 public:
  /// Warns of the first of a writer, and then of each `interval`th.
  static constexpr uint64_t interval = 1000;

  /// Counts one. The reason is rmw's error, which is taken away. `name`: the topic or service.
  void note(const ckpt_message & message, const char * name);

 private:
  std::mutex mutex_;
  std::map<std::array<uint8_t, CKPT_GID_SIZE>, uint64_t> counts_;
};

}  // namespace rmw_ckpt

#endif  // UNREADABLE_HPP_
