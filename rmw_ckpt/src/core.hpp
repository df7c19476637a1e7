// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Calls of the core's functions.
#ifndef CORE_HPP_
#define CORE_HPP_

#include <utility>

#include "rmw_ckpt/ckpt.h"

namespace rmw_ckpt::core {

/// How many of the core's functions this thread is in. A signal handler may find it in one, and .NET's code cannot be
/// entered a second time from there. The model is one that a handler can read without an allocation.
__attribute__((tls_model("initial-exec"))) inline thread_local volatile int depth = 0;

/// Calls one of the core's functions.
template <class R, class... Parameters, class... Arguments>
R call(R (*function)(Parameters...), Arguments &&... arguments) {
  struct Inside {
    Inside() { depth = depth + 1; }
    ~Inside() { depth = depth - 1; }
  };
  const Inside inside;
  return function(std::forward<Arguments>(arguments)...);
}

}  // namespace rmw_ckpt::core

#endif  // CORE_HPP_
