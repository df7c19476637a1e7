// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Notes when the process is asked to end, so that a kill that follows is not taken for a death.
#ifndef ASKED_HPP_
#define ASKED_HPP_

#include "rmw_ckpt/ckpt.h"

namespace rmw_ckpt {

/// From now on SIGINT and SIGTERM that the program, Python, rclcpp or rclpy handle are noted in the session's place for
/// it, be the handlers there already or to come. A second call is for another session; one for a session that is gone
/// ends it.
void note_asked_in(ckpt_id session);

/// Nothing is noted in a session's place any more, also not by a handler that is running.
void forget_asked_in(ckpt_id session);

}  // namespace rmw_ckpt

#endif  // ASKED_HPP_
