// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "timers.hpp"

#include <dlfcn.h>
#include <link.h>

#include <atomic>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <vector>

#include "process.hpp"
#include "slots.hpp"

namespace rmw_ckpt {
namespace {

// rcl depends on its middleware, which cannot depend on rcl: what is used of it stands here.
using Timer = const void *;
constexpr int rcl_ok = 0;
constexpr int rcl_timeout = 2;

/// How rcl_wait_set_t begins, since ROS 2 Dashing.
struct RclWaitSet {
  const void ** subscriptions;
  size_t subscription_count;
  const void ** guard_conditions;
  size_t guard_condition_count;
  Timer * timers;
  size_t timer_count;
};

int (*rcl_wait)(RclWaitSet *, int64_t) = nullptr;
int (*rcl_timer_is_ready)(Timer, bool *) = nullptr;
int (*rcl_timer_call)(Timer) = nullptr;
int (*rcl_timer_call_with_info)(Timer, void *) = nullptr;
int (*rcl_timer_fini)(Timer) = nullptr;

enum Reading : int { ordinary, peek, call };

// Read by a clock that anything may ask, so without an allocation.
__attribute__((tls_model("initial-exec"))) thread_local int reading = ordinary;
__attribute__((tls_model("initial-exec"))) thread_local Timer called = nullptr;

/// What the calling thread's reads are for while it lives.
class For {
 public:
  explicit For(Reading now) : before_(reading) { reading = now; }
  ~For() { reading = before_; }
  For(const For &) = delete;
  For & operator=(const For &) = delete;

 private:
  int before_;
};

int wait_through_core(RclWaitSet * set, int64_t timeout) {
  if (set == nullptr || set->timers == nullptr || set->timer_count == 0 || is_core_away()) {
    return rcl_wait(set, timeout);
  }
  thread_local std::vector<Timer> timers;
  thread_local std::vector<uint8_t> due;
  const size_t count = set->timer_count;
  timers.assign(set->timers, set->timers + count);
  core::call(core::timers_await, timers.data(), count);
  int result = rcl_ok;
  {
    const For here(peek);
    result = rcl_wait(set, timeout);
  }
  if (result == rcl_ok || result == rcl_timeout) {
    due.resize(count);
    for (size_t i = 0; i < count; ++i) {
      due[i] = set->timers[i] != nullptr;
    }
    core::call(core::timers_due, timers.data(), count, due.data());
    for (size_t i = 0; i < count; ++i) {
      set->timers[i] = due[i] != 0 ? timers[i] : nullptr;
      result = due[i] != 0 ? rcl_ok : result;
    }
  }
  core::call(core::timers_await, timers.data(), size_t{0});
  return result;
}

int is_ready_through_core(Timer timer, bool * is_ready) {
  const For here(peek);
  const int result = rcl_timer_is_ready(timer, is_ready);
  if (result == rcl_ok && !is_core_away()) {
    uint8_t due = *is_ready ? 1 : 0;
    core::call(core::timers_due, &timer, size_t{1}, &due);
    *is_ready = due != 0;
  }
  return result;
}

/// One that reads no clock, for its time is a simulation's, is called all the same.
template <class Call>
int call_through_core(Timer timer, const Call & really) {
  const For here(call);
  called = timer;
  const int result = really();
  if (result == rcl_ok && reading == call && !is_core_away()) {
    (void)core::call(core::timer_call, timer, CKPT_NO_CLOCK, int64_t{0});
  }
  return result;
}

int call_timer_through_core(Timer timer) {
  return call_through_core(timer, [timer] { return rcl_timer_call(timer); });
}

int call_with_info_through_core(Timer timer, void * info) {
  return call_through_core(timer, [timer, info] { return rcl_timer_call_with_info(timer, info); });
}

int fini_through_core(Timer timer) {
  const int result = rcl_timer_fini(timer);
  if (!is_core_away()) {
    core::call(core::timer_gone, timer);
  }
  return result;
}

bool find_rcl() {
  void * const rcl = dlopen("librcl.so", RTLD_LAZY | RTLD_NOLOAD);
  if (rcl == nullptr) {
    return false;
  }
  // Never closed: it stays.
  (void)find_function(rcl, "rcl_timer_call_with_info", rcl_timer_call_with_info);  // since ROS 2 Jazzy
  // The last one says that all are there.
  return find_function(rcl, "rcl_timer_is_ready", rcl_timer_is_ready) &&
         find_function(rcl, "rcl_timer_call", rcl_timer_call) && find_function(rcl, "rcl_timer_fini", rcl_timer_fini) &&
         find_function(rcl, "rcl_wait", rcl_wait);
}

/// rcl's own calls of its functions are a part of these.
bool calls_rcl(const char * file) {
  return std::strncmp(file, "librcl.so", 9) != 0;
}

/// How many objects were ever loaded.
uint64_t count_loads() {
  uint64_t loads = 0;
  (void)dl_iterate_phdr(
      [](dl_phdr_info * info, size_t, void * data) {
        *static_cast<uint64_t *>(data) = info->dlpi_adds;
        return 1;
      },
      &loads);
  return loads;
}

}  // namespace

void redirect_timers() {
  static std::mutex mutex;
  static uint64_t known = 0;
  const std::lock_guard<std::mutex> lock(mutex);
  const uint64_t loads = count_loads();
  if (loads == known || (rcl_wait == nullptr && !find_rcl())) {
    return;
  }
  known = loads;
  (void)redirect("rcl_wait", reinterpret_cast<void *>(&wait_through_core), calls_rcl);
  (void)redirect("rcl_timer_is_ready", reinterpret_cast<void *>(&is_ready_through_core), calls_rcl);
  (void)redirect("rcl_timer_call", reinterpret_cast<void *>(&call_timer_through_core), calls_rcl);
  (void)redirect("rcl_timer_fini", reinterpret_cast<void *>(&fini_through_core), calls_rcl);
  if (rcl_timer_call_with_info != nullptr) {
    (void)redirect("rcl_timer_call_with_info", reinterpret_cast<void *>(&call_with_info_through_core), calls_rcl);
  }
}

bool read_for_timer(int clock, int64_t real, int64_t & time) {
  if (reading == ordinary) {
    return false;
  }
  if (reading == call) {
    reading = peek;
    time = core::call(core::timer_call, called, clock, real);
  } else {
    time = core::call(core::timer_peek, clock, real);
  }
  return true;
}

NotForTimer::NotForTimer() : kept_(reading) {
  reading = ordinary;
}

NotForTimer::~NotForTimer() {
  reading = kept_;
}

}  // namespace rmw_ckpt
