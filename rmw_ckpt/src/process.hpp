// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// The shim and the process that it lives in: forks, signals, exit.
#ifndef PROCESS_HPP_
#define PROCESS_HPP_

#include <atomic>

#include "common.hpp"

namespace rmw_ckpt {

/// Set in children of a process in which the core runs. No getpid() per message.
extern std::atomic<bool> in_forked_child;

/// Whether the core cannot be asked: in a child, which it does not know, and in a signal handler that has interrupted
/// it.
inline bool is_core_away() {
  return in_forked_child.load(std::memory_order_relaxed) || core::depth != 0;
}

/// Sets the error; in a child made by fork the core's threads and locks are not there.
rmw_ret_t fail_forked();

/// ckpt_init, with the host's signal dispositions kept; the first time also sets up fork and exit handlers and the
/// clock.
rmw_ret_t join(uint32_t domain, ckpt_id * session);

/// Called before something is taken down: Python does that with its contexts and nodes before exit handlers run, be its
/// end an exception that nobody caught. Does nothing unless it is so far; then what is taken down stays as it is for
/// the core.
void note_exit();

}  // namespace rmw_ckpt

/// Where all that begins to change something, or to ask the core, passes.
#define RMW_CKPT_REFUSE_FORKED(ret)                                                    \
  do {                                                                                 \
    RMW_CKPT_CAN_FAIL(ret)                                                             \
    if (RCUTILS_UNLIKELY(rmw_ckpt::in_forked_child.load(std::memory_order_relaxed))) { \
      (void)rmw_ckpt::fail_forked();                                                   \
      return ret;                                                                      \
    }                                                                                  \
  } while (0)

#endif  // PROCESS_HPP_
