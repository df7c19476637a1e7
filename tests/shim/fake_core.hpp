// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What tests can see and bend of the fake core.
#ifndef FAKE_CORE_HPP_
#define FAKE_CORE_HPP_

#include <atomic>
#include <string>

#include "rmw_ckpt/ckpt.h"

namespace fake_core {

extern std::string last_description;       ///< Of the endpoint made last.
extern std::atomic<int64_t> clock_offset;  ///< Added to every clock, ns.
extern std::atomic<int> random_byte;       ///< What random bytes are, unless negative.
extern std::atomic<int> lose;              ///< So many takes from now on end in CKPT_LOST.

}  // namespace fake_core

#endif  // FAKE_CORE_HPP_
