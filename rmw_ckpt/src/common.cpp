// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "common.hpp"

#include <cstdio>
#include <cstring>

namespace rmw_ckpt {

namespace {

rmw_ret_t to_rmw(ckpt_code code) {
  switch (code) {
    case CKPT_OK:
      return RMW_RET_OK;
    case CKPT_INVALID:
      return RMW_RET_INVALID_ARGUMENT;
    case CKPT_TIMEOUT:
      return RMW_RET_TIMEOUT;
    case CKPT_UNSUPPORTED:
      return RMW_RET_UNSUPPORTED;
    default:
      return RMW_RET_ERROR;
  }
}

}  // namespace

bool is_ours(const char * what, const char * found) {
  if (RCUTILS_LIKELY(found == identifier)) {
    return true;
  }
  char message[512];
  std::snprintf(message, sizeof(message), "%s belongs to the middleware '%s', not to '%s'", what,
                found == nullptr ? "(none: not initialized)" : found, identifier);
  (void)fail_with(RMW_RET_INCORRECT_RMW_IMPLEMENTATION, message);
  return false;
}

rmw_ret_t fail_with(rmw_ret_t ret, const char * message) {
  // rcutils warns on stderr when an error overwrites another.
  if (rmw_error_is_set()) {
    rmw_reset_error();
  }
  RMW_SET_ERROR_MSG(message);
  return ret;
}

rmw_ret_t fail(ckpt_code code, const char * doing) {
  char reason[768] = "";
  rmw_ckpt::core::call(rmw_ckpt::core::error, reason, sizeof(reason));
  char message[896];
  std::snprintf(message, sizeof(message), "%s: %s", doing, reason[0] != '\0' ? reason : "the core gave no reason");
  return fail_with(to_rmw(code), message);
}

rmw_ret_t fail_with_exception(const char * doing) {
  char message[768];
  try {
    throw;
  } catch (const std::bad_alloc &) {
    std::snprintf(message, sizeof(message), "%s: out of memory", doing);
    return fail_with(RMW_RET_BAD_ALLOC, message);
  } catch (const std::exception & error) {
    std::snprintf(message, sizeof(message), "%s: %s", doing, error.what());
  } catch (...) {
    std::snprintf(message, sizeof(message), "%s: unknown exception", doing);
  }
  return fail_with(RMW_RET_ERROR, message);
}

OwnedString duplicate(const char * text) {
  RMW_CKPT_CAN_FAIL(nullptr)
  const size_t size = std::strlen(text) + 1;
  OwnedString copy(static_cast<char *>(rmw_allocate(size)));
  if (copy == nullptr) {
    (void)fail_with(RMW_RET_BAD_ALLOC, "failed to allocate memory for a name");
    return copy;
  }
  std::memcpy(copy.get(), text, size);
  return copy;
}

}  // namespace rmw_ckpt
