// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#ifndef CLOCK_HPP_
#define CLOCK_HPP_

namespace rmw_ckpt {

/// Makes librcutils, from which all of ROS takes its time, read its clocks through the core, which journals what a node
/// saw and repeats it when the node is recovered. Never undone: the library stays mapped. Warns on stderr, once, when
/// librcutils or its slot for clock_gettime is not found. Returns whether it was.
bool redirect_clock();

}  // namespace rmw_ckpt

#endif  // CLOCK_HPP_
