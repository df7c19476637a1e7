// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What a node reads besides messages and acts upon: the time, and random bytes.
#ifndef DETERMINANTS_HPP_
#define DETERMINANTS_HPP_

namespace rmw_ckpt {

/// Makes librcutils, from which all of ROS takes its time, read its clocks through the core, which journals what a node
/// saw and repeats it when the node is recovered. Never undone: the library stays mapped. Warns on stderr when
/// librcutils or its slot for clock_gettime is not found. Returns whether it was.
bool redirect_clock();

/// The same for the random bytes that Python and the program itself get from the kernel: rclpy's action clients name
/// their goals by them. Not with RMW_CKPT_RANDOM=off, for keys are among them. Returns whether anybody has a slot for
/// getrandom; many programs have none.
bool redirect_random();

}  // namespace rmw_ckpt

#endif  // DETERMINANTS_HPP_
