// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// The variables of the environment that the shim reads itself; the others are the core's
// (src/RmwCkpt.Domain/Settings.cs).
#ifndef SETTINGS_HPP_
#define SETTINGS_HPP_

#include <cstdint>

namespace rmw_ckpt {

/// RMW_CKPT_RANDOM, on or off: whether random bytes are journalled. Warns on stderr of what is neither, which is on.
bool journals_random();

/// RMW_CKPT_RESUME, ID@DOMAIN: the domain in which this process goes on as another that died. 0: there is none.
uint32_t resumed_domain();

}  // namespace rmw_ckpt

#endif  // SETTINGS_HPP_
