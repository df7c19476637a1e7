// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <rmw/time.h>

#include <algorithm>
#include <cstring>

#include "distro.hpp"
#include "entities.hpp"
#include "process.hpp"
#include "timers.hpp"

using rmw_ckpt::data_of;
using rmw_ckpt::Entity;
using rmw_ckpt::WaitSet;

namespace {

/// One of the arrays that rmw_wait is given: void pointers to entities or, for events, to their handles.
struct Waiters {
  void ** items = nullptr;
  size_t count = 0;
  bool are_events = false;

  ckpt_id id(size_t i) const {
    if (are_events) {
      return data_of<const Entity>(static_cast<const rmw_event_t *>(items[i])).id;
    }
    return static_cast<const Entity *>(items[i])->id;
  }
};

/// Leaves only what is ready: few of what may be thousands.
void keep_ready(const Waiters & waiters, const uint8_t * ready) {
  size_t next = 0;
  while (next < waiters.count) {
    const void * const found = std::memchr(ready + next, 1, waiters.count - next);
    const size_t kept =
        found == nullptr ? waiters.count : static_cast<size_t>(static_cast<const uint8_t *>(found) - ready);
    std::fill(waiters.items + next, waiters.items + kept, nullptr);
    next = kept + 1;
  }
}

/// The last kind is that of guard conditions.
rmw_ret_t wait(const Waiters * all, size_t kinds, WaitSet & set, int64_t timeout) {
  size_t count = 0;
  for (size_t kind = 0; kind < kinds; ++kind) {
    count += all[kind].count;
  }
  if (set.ids.size() < count) {
    set.ids.resize(count);
    set.ready.resize(count);
  }
  size_t next = 0;
  for (size_t kind = 0; kind < kinds; ++kind) {
    for (size_t i = 0; i < all[kind].count; ++i) {
      set.ids[next++] = all[kind].id(i);
    }
  }
  const ckpt_code code = rmw_ckpt::core::call(rmw_ckpt::core::wait, set.session, set.ids.data(), set.ready.data(),
                                              count, all[kinds - 1].count, timeout);
  if (code != CKPT_OK && code != CKPT_TIMEOUT) {
    return rmw_ckpt::fail(code, "cannot wait");
  }
  if (code == CKPT_TIMEOUT) {
    std::fill_n(set.ready.begin(), count, 0);
  }
  next = 0;
  for (size_t kind = 0; kind < kinds; next += all[kind++].count) {
    keep_ready(all[kind], set.ready.data() + next);
  }
  return code == CKPT_OK ? RMW_RET_OK : RMW_RET_TIMEOUT;
}

}  // namespace

extern "C" {

rmw_wait_set_t * rmw_create_wait_set(rmw_context_t * context, size_t max_conditions) {
  RMW_CHECK_ARGUMENT_FOR_NULL(context, nullptr);
  RMW_CKPT_CHECK_OURS(context, nullptr);
  RMW_CHECK_ARGUMENT_FOR_NULL(context->impl, nullptr);
  return rmw_ckpt::guarded("cannot create the wait set", static_cast<rmw_wait_set_t *>(nullptr),
                           [&]() -> rmw_wait_set_t * {
                             auto set = std::make_unique<WaitSet>();
                             set->session = context->impl->session;
                             // A hint only: rmw_wait grows them where it must.
                             const size_t hint = std::min<size_t>(max_conditions, 1024);
                             set->ids.resize(hint);
                             set->ready.resize(hint);
                             rmw_ckpt::Owned<rmw_wait_set_t, rmw_wait_set_free> handle(rmw_wait_set_allocate());
                             if (handle == nullptr) {
                               (void)rmw_ckpt::fail_with(RMW_RET_BAD_ALLOC, "failed to allocate the wait set");
                               return nullptr;
                             }
                             *handle = {rmw_ckpt::identifier, nullptr, set.release()};
                             return handle.release();
                           });
}

rmw_ret_t rmw_destroy_wait_set(rmw_wait_set_t * wait_set) {
  RMW_CHECK_ARGUMENT_FOR_NULL(wait_set, rmw_ckpt::distro::null_argument);
  RMW_CKPT_CHECK_OURS(wait_set, RMW_RET_INCORRECT_RMW_IMPLEMENTATION);
  delete &data_of<WaitSet>(wait_set);
  rmw_wait_set_free(wait_set);
  return RMW_RET_OK;
}

rmw_ret_t rmw_wait(rmw_subscriptions_t * subscriptions, rmw_guard_conditions_t * guard_conditions,
                   rmw_services_t * services, rmw_clients_t * clients, rmw_events_t * events, rmw_wait_set_t * wait_set,
                   const rmw_time_t * wait_timeout) {
  RMW_CKPT_CHECK_HANDLE(wait_set);
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  // rcl_wait reads clocks for timers before and after this; callbacks that this calls do not.
  const rmw_ckpt::NotForTimer ordinary;
  // In the order in which the core reports what is ready: it must be the same in every run of a program.
  Waiters all[5];
  if (subscriptions != nullptr) {
    all[0] = {subscriptions->subscribers, subscriptions->subscriber_count, false};
  }
  if (services != nullptr) {
    all[1] = {services->services, services->service_count, false};
  }
  if (clients != nullptr) {
    all[2] = {clients->clients, clients->client_count, false};
  }
  if (events != nullptr) {
    all[3] = {events->events, events->event_count, true};
  }
  if (guard_conditions != nullptr) {
    all[4] = {guard_conditions->guard_conditions, guard_conditions->guard_condition_count, false};
  }
  const int64_t timeout = wait_timeout == nullptr ? CKPT_INFINITE : rmw_time_total_nsec(*wait_timeout);
  return rmw_ckpt::guarded("cannot wait", [&] { return wait(all, 5, data_of<WaitSet>(wait_set), timeout); });
}

}  // extern "C"
