// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What the `data` pointers of rmw's handles point to.
#ifndef ENTITIES_HPP_
#define ENTITIES_HPP_

#include <rmw/rmw.h>

#include <array>
#include <atomic>
#include <forward_list>
#include <mutex>
#include <vector>

#include "common.hpp"
#include "process.hpp"
#include "type_support.hpp"
#include "unreadable.hpp"

/// rmw only forward-declares it.
struct rmw_context_impl_s {
  ckpt_id session = 0;
  std::atomic<bool> is_shut_down{false};
  std::atomic<size_t> nodes{0};
};

namespace rmw_ckpt {

struct Callback {
  rmw_event_callback_t function;
  const void * user_data;
};

/// Common start of all that a wait set can hold: rmw_wait sees void pointers only.
struct Entity {
  ckpt_id id = 0;
  std::forward_list<Callback> callbacks;  ///< All that were ever set, each once: the core may be calling one that was.
};

/// What takes messages.
struct Reader : Entity {
  Unreadable dropped;
};

struct Guard : Entity {};

struct Event : Entity {};

/// Kinds of events that the shim serves.
inline constexpr size_t event_kind_count = 11;

struct Node : Entity {
  Guard graph_guard_data;
  rmw_guard_condition_t graph_guard{};
};

/// A message that a publisher has lent.
struct Loan {
  void * message;
  Owned<void, rmw_free> memory;  ///< What it is in; empty: it is where its readers will read it.
};

/// A publisher or subscription. Owns its events: rmw_event_fini (librmw's) never tells us that one is no longer used.
struct Endpoint : Reader {
  ckpt_kind kind{};
  MessageType type;
  rmw_qos_profile_t qos{};
  std::mutex events_mutex;
  std::array<Event, event_kind_count> events;  ///< By place in event.cpp's table; id 0: not made yet.
  size_t plain_size = 0;                       ///< MessageType::plain_size().
  std::mutex loans_mutex;
  std::vector<Loan> loans;  ///< Of a publisher; few at a time.
};

/// A service or client.
struct ServiceEndpoint : Reader {
  MessageType request;
  MessageType response;
  rmw_qos_profile_t qos{};
};

struct WaitSet {
  ckpt_id session = 0;
  std::vector<ckpt_id> ids;
  std::vector<uint8_t> ready;
};

/// The data of a handle that has passed its checks.
template <class T, class Handle>
T & data_of(const Handle * handle) {
  return *static_cast<T *>(handle->data);
}

/// Destroys an entity in the core. A forked child has no share in its parent's: no failure.
inline rmw_ret_t destroy(ckpt_id id, const char * doing) {
  if (in_forked_child.load(std::memory_order_relaxed)) {
    return RMW_RET_OK;
  }
  note_exit();
  return check(core::call(core::destroy, id), doing);
}

}  // namespace rmw_ckpt

#endif  // ENTITIES_HPP_
