// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// The thread that takes this process' snapshots, where RMW_CKPT_ENGINE=fork asks for them.
#ifndef SNAPSHOTS_HPP_
#define SNAPSHOTS_HPP_

#include "core.hpp"

namespace rmw_ckpt {

/// From now on the master of the session's primary domain may order a snapshot, if the environment asks for that.
void take_snapshots_for(ckpt_id session);

/// The process ends by itself: its snapshot is of no use any more.
void end_snapshots();

}  // namespace rmw_ckpt

#endif  // SNAPSHOTS_HPP_
