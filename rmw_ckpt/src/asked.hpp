// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Notes when the process is asked to end, so that a kill that follows is not taken for a death.
#ifndef ASKED_HPP_
#define ASKED_HPP_

#include "core.hpp"

namespace rmw_ckpt {

/// From now on SIGINT and SIGTERM that the program, Python, rclcpp or rclpy handle are noted in the session's place for
/// it, be the handlers there already or to come. One that is gone stands for the oldest that there is; if there is
/// none, nothing is noted.
void note_asked_in(ckpt_id session);

/// Nothing is noted any more, also not by a handler that is running: before a place may go.
void forget_asked();

}  // namespace rmw_ckpt

#endif  // ASKED_HPP_
