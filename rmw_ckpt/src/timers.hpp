// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// rcl's timers, which a middleware does not see: when one is due, and when it is called, is a part of what a node acts
// upon.
#ifndef TIMERS_HPP_
#define TIMERS_HPP_

#include <cstdint>

namespace rmw_ckpt {

/// Makes all loaded objects wait for timers, ask whether they are due and call them through the core. Cheap where
/// nothing was loaded since; call it again when something may have been. Never undone. Without librcl it does nothing.
void redirect_timers();

/// What a clock that the calling thread reads tells, given what the kernel said: by what it is doing with a timer.
/// False: nothing; it is an ordinary read.
bool read_for_timer(int clock, int64_t real, int64_t & time);

/// While one lives what the calling thread reads is not a timer's: a wait calls back.
class NotForTimer {
 public:
  NotForTimer();
  ~NotForTimer();
  NotForTimer(const NotForTimer &) = delete;
  NotForTimer & operator=(const NotForTimer &) = delete;

 private:
  int kept_;
};

}  // namespace rmw_ckpt

#endif  // TIMERS_HPP_
