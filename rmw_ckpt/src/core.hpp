// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Calls of the core's functions.
#ifndef CORE_HPP_
#define CORE_HPP_

#include <utility>

#include "rmw_ckpt/ckpt.h"

namespace rmw_ckpt::core {

/// How many of the core's functions this thread is in. A signal handler may find it in one, and .NET's code cannot be
/// entered a second time from there. The model is one that a handler can read without an allocation.
__attribute__((tls_model("initial-exec"))) inline thread_local volatile int depth = 0;

/// One of the core's functions: nothing but `call` can call it.
template <class R, class... Parameters>
class Function {
 public:
  constexpr explicit Function(R (*address)(Parameters...)) : address_(address) {}

 private:
  template <class R2, class... Parameters2, class... Arguments>
  friend R2 call(Function<R2, Parameters2...> function, Arguments &&... arguments);

  R (*address_)(Parameters...);
};

/// Calls one of the core's functions.
template <class R, class... Parameters, class... Arguments>
R call(Function<R, Parameters...> function, Arguments &&... arguments) {
  struct Inside {
    Inside() { depth = depth + 1; }
    ~Inside() { depth = depth - 1; }
  };
  const Inside inside;
  return function.address_(std::forward<Arguments>(arguments)...);
}

// All that ckpt.h declares, without `ckpt_`.
inline constexpr Function error{ckpt_error};
inline constexpr Function init{ckpt_init};
inline constexpr Function shutdown{ckpt_shutdown};
inline constexpr Function fini{ckpt_fini};
inline constexpr Function leave{ckpt_leave};
inline constexpr Function asked{ckpt_asked};
inline constexpr Function host_lock{ckpt_host_lock};
inline constexpr Function snapshots{ckpt_snapshots};
inline constexpr Function clock{ckpt_clock};
inline constexpr Function random{ckpt_random};
inline constexpr Function timer_peek{ckpt_timer_peek};
inline constexpr Function timer_call{ckpt_timer_call};
inline constexpr Function timer_gone{ckpt_timer_gone};
inline constexpr Function timers_await{ckpt_timers_await};
inline constexpr Function timers_due{ckpt_timers_due};
inline constexpr Function create_node{ckpt_create_node};
inline constexpr Function node_graph_guard{ckpt_node_graph_guard};
inline constexpr Function create_publisher{ckpt_create_publisher};
inline constexpr Function create_subscription{ckpt_create_subscription};
inline constexpr Function create_service{ckpt_create_service};
inline constexpr Function create_client{ckpt_create_client};
inline constexpr Function create_guard{ckpt_create_guard};
inline constexpr Function create_event{ckpt_create_event};
inline constexpr Function destroy{ckpt_destroy};
inline constexpr Function gid{ckpt_gid};
inline constexpr Function trigger{ckpt_trigger};
inline constexpr Function assert_liveliness{ckpt_assert_liveliness};
inline constexpr Function publish_begin{ckpt_publish_begin};
inline constexpr Function publish_end{ckpt_publish_end};
inline constexpr Function publish_abort{ckpt_publish_abort};
inline constexpr Function borrow{ckpt_borrow};
inline constexpr Function publish_borrowed{ckpt_publish_borrowed};
inline constexpr Function return_borrowed{ckpt_return_borrowed};
inline constexpr Function take_begin{ckpt_take_begin};
inline constexpr Function take_end{ckpt_take_end};
inline constexpr Function take_loan{ckpt_take_loan};
inline constexpr Function return_loan{ckpt_return_loan};
inline constexpr Function wait{ckpt_wait};
inline constexpr Function set_callback{ckpt_set_callback};
inline constexpr Function take_event{ckpt_take_event};
inline constexpr Function count{ckpt_count};
inline constexpr Function matched{ckpt_matched};
inline constexpr Function service_available{ckpt_service_available};
inline constexpr Function graph{ckpt_graph};

}  // namespace rmw_ckpt::core

// From here on the functions' own names do not compile: who called one by it would be in the core unseen.
#pragma GCC poison ckpt_error
#pragma GCC poison ckpt_init
#pragma GCC poison ckpt_shutdown
#pragma GCC poison ckpt_fini
#pragma GCC poison ckpt_leave
#pragma GCC poison ckpt_asked
#pragma GCC poison ckpt_host_lock
#pragma GCC poison ckpt_snapshots
#pragma GCC poison ckpt_clock
#pragma GCC poison ckpt_random
#pragma GCC poison ckpt_timer_peek
#pragma GCC poison ckpt_timer_call
#pragma GCC poison ckpt_timer_gone
#pragma GCC poison ckpt_timers_await
#pragma GCC poison ckpt_timers_due
#pragma GCC poison ckpt_create_node
#pragma GCC poison ckpt_node_graph_guard
#pragma GCC poison ckpt_create_publisher
#pragma GCC poison ckpt_create_subscription
#pragma GCC poison ckpt_create_service
#pragma GCC poison ckpt_create_client
#pragma GCC poison ckpt_create_guard
#pragma GCC poison ckpt_create_event
#pragma GCC poison ckpt_destroy
#pragma GCC poison ckpt_gid
#pragma GCC poison ckpt_trigger
#pragma GCC poison ckpt_assert_liveliness
#pragma GCC poison ckpt_publish_begin
#pragma GCC poison ckpt_publish_end
#pragma GCC poison ckpt_publish_abort
#pragma GCC poison ckpt_borrow
#pragma GCC poison ckpt_publish_borrowed
#pragma GCC poison ckpt_return_borrowed
#pragma GCC poison ckpt_take_begin
#pragma GCC poison ckpt_take_end
#pragma GCC poison ckpt_take_loan
#pragma GCC poison ckpt_return_loan
#pragma GCC poison ckpt_wait
#pragma GCC poison ckpt_set_callback
#pragma GCC poison ckpt_take_event
#pragma GCC poison ckpt_count
#pragma GCC poison ckpt_matched
#pragma GCC poison ckpt_service_available
#pragma GCC poison ckpt_graph

#endif  // CORE_HPP_
