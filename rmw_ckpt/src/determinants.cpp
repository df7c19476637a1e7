// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "determinants.hpp"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "process.hpp"
#include "settings.hpp"
#include "slots.hpp"
#include "timers.hpp"

namespace rmw_ckpt {
namespace {

constexpr int64_t ns_per_s = 1'000'000'000;

/// Called by librcutils in place of clock_gettime: reentrant, no allocation, never back into librcutils. A signal
/// handler's read (rclcpp's logs the signal) may be of the host's clock: nobody replays a signal.
int clock_gettime_through_core(clockid_t clock, struct timespec * now) {
  const int result = clock_gettime(clock, now);
  if (result != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC) || is_core_away()) {
    return result;
  }
  const int64_t real = now->tv_sec * ns_per_s + now->tv_nsec;
  int64_t ns = real;
  if (!read_for_timer(clock, real, ns)) {
    ns = rmw_ckpt::core::call(rmw_ckpt::core::clock, clock, real);
  }
  now->tv_sec = ns / ns_per_s;
  now->tv_nsec = ns % ns_per_s;
  return 0;
}

/// Called by Python in place of getrandom. Not through the C library, for the program's own slot is redirected.
ssize_t getrandom_through_core(void * bytes, size_t size, unsigned int flags) {
  const ssize_t got = syscall(SYS_getrandom, bytes, size, flags);
  if (got > 0 && !is_core_away()) {
    rmw_ckpt::core::call(rmw_ckpt::core::random, bytes, static_cast<size_t>(got));
  }
  return got;
}

}  // namespace

bool redirect_clock() {
  const bool found = redirect("clock_gettime", reinterpret_cast<void *>(&clock_gettime_through_core),
                              [](const char * file) { return std::strncmp(file, "librcutils.so", 13) == 0; });
  if (!found) {
    std::fputs(
        "rmw_ckpt: warning: librcutils' clock could not be redirected: a recovered node's clocks and timers will not "
        "repeat what they showed before\n",
        stderr);
  }
  return found;
}

bool redirect_random() {
  if (!journals_random()) {
    return false;
  }
  return redirect("getrandom", reinterpret_cast<void *>(&getrandom_through_core),
                  [](const char * file) { return *file == '\0' || std::strncmp(file, "libpython", 9) == 0; });
}

}  // namespace rmw_ckpt
