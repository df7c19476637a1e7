// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Checks of the names that callers give.
#ifndef NAMES_HPP_
#define NAMES_HPP_

#include "common.hpp"

namespace rmw_ckpt {

/// RMW_RET_INVALID_ARGUMENT with the error set when one is NULL or no valid name.
rmw_ret_t check_node_name(const char * name, const char * name_space);

/// The same for a fully expanded topic or service name. `free_form` (avoid_ros_namespace_conventions) takes any text
/// that fits in a row of the graph. `what`: "topic name" or "service name". Does not allocate.
rmw_ret_t check_full_name(const char * name, bool free_form, const char * what);

}  // namespace rmw_ckpt

#endif  // NAMES_HPP_
