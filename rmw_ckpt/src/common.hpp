// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What every part of the shim needs: the identifier, argument checks, and errors of the core turned into rmw's.
#ifndef COMMON_HPP_
#define COMMON_HPP_

#include <rcutils/allocator.h>
#include <rcutils/macros.h>
#include <rmw/allocators.h>
#include <rmw/error_handling.h>
#include <rmw/ret_types.h>
#include <rmw/types.h>

#include <exception>
#include <memory>
#include <new>

#include "core.hpp"

namespace rmw_ckpt {

/// Compared by address, as everywhere in rmw.
inline constexpr char identifier[] = "rmw_ckpt";

/// Sets the error and returns false when `found` is not our identifier. `what` names the argument.
bool is_ours(const char * what, const char * found);

/// Turns a failure of the core into an rmw code and sets the error: what the shim was doing, and the core's own
/// message.
rmw_ret_t fail(ckpt_code code, const char * doing);

inline rmw_ret_t check(ckpt_code code, const char * doing) {
  return RCUTILS_LIKELY(code == CKPT_OK) ? RMW_RET_OK : fail(code, doing);
}

/// Sets the error after whatever the callee may have left, and returns `ret`.
rmw_ret_t fail_with(rmw_ret_t ret, const char * message);

/// Like fail_with, with the message of the exception being handled. Only in a catch block.
rmw_ret_t fail_with_exception(const char * doing);

/// Runs `body`; an exception becomes `on_throw` and an error message. Nothing may be thrown through rmw's C interface.
template <class Body, class Result>
Result guarded(const char * doing, Result on_throw, Body && body) {
  try {
    return body();
  } catch (...) {
    (void)fail_with_exception(doing);
    return on_throw;
  }
}

template <class Body>
rmw_ret_t guarded(const char * doing, Body && body) {
  try {
    return body();
  } catch (...) {
    return fail_with_exception(doing);
  }
}

/// An rmw handle or string until it is handed to the caller.
template <auto Free>
struct Freed {
  template <class T>
  void operator()(T * object) const {
    Free(object);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freed<Free>>;

/// For what may fail while something else that failed is undone. A cast to void does not silence GCC.
template <class Result>
void ignore(Result) {}

using OwnedString = Owned<char, rmw_free>;

/// A copy made with rmw's allocator; empty, with the error set, when there is no memory.
OwnedString duplicate(const char * text);

}  // namespace rmw_ckpt

/// In a build with rcutils' fault injection (-DRCUTILS_ENABLE_FAULT_INJECTION): a place where a test may have the
/// caller fail, with the error set and nothing changed. Else nothing.
#define RMW_CKPT_CAN_FAIL(ret)                                        \
  RCUTILS_CAN_FAIL_WITH({                                             \
    (void)rmw_ckpt::fail_with(RMW_RET_ERROR, "a fault was injected"); \
    return ret;                                                       \
  })

/// Returns `ret` from the caller, with the error set, when the handle was made by another middleware.
#define RMW_CKPT_CHECK_OURS(handle, ret)                                                      \
  do {                                                                                        \
    if (RCUTILS_UNLIKELY(!rmw_ckpt::is_ours(#handle, (handle)->implementation_identifier))) { \
      return ret;                                                                             \
    }                                                                                         \
  } while (0)

/// The usual two checks of a handle: that it is there, then that it is ours.
#define RMW_CKPT_CHECK_HANDLE(handle)                                  \
  do {                                                                 \
    RMW_CHECK_ARGUMENT_FOR_NULL(handle, RMW_RET_INVALID_ARGUMENT);     \
    RMW_CKPT_CHECK_OURS(handle, RMW_RET_INCORRECT_RMW_IMPLEMENTATION); \
  } while (0)

/// That a serialized message's buffer can grow: rcutils' own check sets no error.
#define RMW_CKPT_CHECK_ALLOCATOR_OF(serialized)                                                              \
  do {                                                                                                       \
    if (RCUTILS_UNLIKELY(!rcutils_allocator_is_valid(&(serialized)->allocator))) {                           \
      return rmw_ckpt::fail_with(RMW_RET_INVALID_ARGUMENT, "the serialized message's allocator is invalid"); \
    }                                                                                                        \
  } while (0)

#endif  // COMMON_HPP_
