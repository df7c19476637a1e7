// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// A plain type that is large enough to be written where it is read; test_msgs has none.
#ifndef LARGE_HPP_
#define LARGE_HPP_

#include <rosidl_runtime_c/message_type_support_struct.h>

#include <array>
#include <cstdint>

struct Large {
  uint64_t number;
  std::array<uint8_t, 64 * 1024> bytes;
  uint16_t last;  ///< After it there is padding.
};

const rosidl_message_type_support_t * large_type();

#endif  // LARGE_HPP_
