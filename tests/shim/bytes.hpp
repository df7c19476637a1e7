// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// A serialized message that tests can fill as they like.
#ifndef BYTES_HPP_
#define BYTES_HPP_

#include <rmw/serialized_message.h>

#include <algorithm>
#include <vector>

#include "fixture.hpp"

class Bytes {
 public:
  Bytes() {
    auto allocator = rcutils_get_default_allocator();
    EXPECT_RMW_OK(rmw_serialized_message_init(&message, 0, &allocator));
  }
  explicit Bytes(const std::vector<uint8_t> & bytes) : Bytes() {
    // One more: there may be no memory of 0 bytes.
    EXPECT_RMW_OK(rmw_serialized_message_resize(&message, bytes.size() + 1));
    std::copy(bytes.begin(), bytes.end(), message.buffer);
    message.buffer_length = bytes.size();
  }
  Bytes(const Bytes &) = delete;
  Bytes & operator=(const Bytes &) = delete;
  ~Bytes() { EXPECT_RMW_OK(rmw_serialized_message_fini(&message)); }

  std::vector<uint8_t> copy() const { return {message.buffer, message.buffer + message.buffer_length}; }

  rmw_serialized_message_t message = rmw_get_zero_initialized_serialized_message();
};

/// Deserializes; a refusal must leave an error, which is taken away again.
inline bool is_message(const std::vector<uint8_t> & bytes, const rosidl_message_type_support_t * type, void * message) {
  // Of exactly this size, so that a sanitizer sees one byte too far.
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), exact.get());
  rmw_serialized_message_t serialized = rmw_get_zero_initialized_serialized_message();
  serialized.buffer = exact.get();
  serialized.buffer_length = serialized.buffer_capacity = bytes.size();
  const bool done = rmw_deserialize(&serialized, type, message) == RMW_RET_OK;
  EXPECT_EQ(!done, rmw_error_is_set());
  rmw_reset_error();
  return done;
}

#endif  // BYTES_HPP_
