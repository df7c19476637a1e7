// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <rcutils/allocator.h>
#include <rcutils/strdup.h>
#include <rmw/init_options.h>

#include "common.hpp"

using rmw_ckpt::fail_with;
using rmw_ckpt::identifier;

extern "C" {

rmw_ret_t rmw_init_options_init(rmw_init_options_t * init_options, rcutils_allocator_t allocator) {
  RMW_CHECK_ARGUMENT_FOR_NULL(init_options, RMW_RET_INVALID_ARGUMENT);
  RCUTILS_CHECK_ALLOCATOR(&allocator, return fail_with(RMW_RET_INVALID_ARGUMENT, "invalid allocator"));
  if (init_options->implementation_identifier != nullptr) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "expected zero-initialized init_options");
  }
  rmw_init_options_t fresh = rmw_get_zero_initialized_init_options();
  fresh.implementation_identifier = identifier;
  fresh.domain_id = RMW_DEFAULT_DOMAIN_ID;
  fresh.allocator = allocator;
  fresh.security_options = rmw_get_default_security_options();
  fresh.discovery_options = rmw_get_zero_initialized_discovery_options();
  const rmw_ret_t ret = rmw_discovery_options_init(&fresh.discovery_options, 0, &allocator);
  if (ret == RMW_RET_OK) {
    *init_options = fresh;
  }
  return ret;
}

rmw_ret_t rmw_init_options_copy(const rmw_init_options_t * src, rmw_init_options_t * dst) {
  RMW_CHECK_ARGUMENT_FOR_NULL(src, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(dst, RMW_RET_INVALID_ARGUMENT);
  if (src->implementation_identifier == nullptr) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "expected initialized src");
  }
  RMW_CKPT_CHECK_OURS(src, RMW_RET_INCORRECT_RMW_IMPLEMENTATION);
  if (dst->implementation_identifier != nullptr) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "expected zero-initialized dst");
  }
  rcutils_allocator_t allocator = src->allocator;
  RCUTILS_CHECK_ALLOCATOR(&allocator, return fail_with(RMW_RET_INVALID_ARGUMENT, "invalid allocator"));

  rmw_init_options_t copy = *src;
  copy.security_options = rmw_get_zero_initialized_security_options();
  copy.discovery_options = rmw_get_zero_initialized_discovery_options();
  copy.enclave = rcutils_strdup(src->enclave, allocator);
  if (src->enclave != nullptr && copy.enclave == nullptr) {
    return fail_with(RMW_RET_BAD_ALLOC, "failed to copy the enclave's name");
  }
  rmw_ret_t ret = rmw_security_options_copy(&src->security_options, &allocator, &copy.security_options);
  if (ret == RMW_RET_OK) {
    ret = rmw_discovery_options_copy(&src->discovery_options, &allocator, &copy.discovery_options);
    if (ret != RMW_RET_OK) {
      rmw_ckpt::ignore(rmw_security_options_fini(&copy.security_options, &allocator));
    }
  }
  if (ret != RMW_RET_OK) {
    allocator.deallocate(copy.enclave, allocator.state);
    return ret;
  }
  *dst = copy;
  return RMW_RET_OK;
}

rmw_ret_t rmw_init_options_fini(rmw_init_options_t * init_options) {
  RMW_CHECK_ARGUMENT_FOR_NULL(init_options, RMW_RET_INVALID_ARGUMENT);
  if (init_options->implementation_identifier == nullptr) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "expected initialized init_options");
  }
  RMW_CKPT_CHECK_OURS(init_options, RMW_RET_INCORRECT_RMW_IMPLEMENTATION);
  rcutils_allocator_t allocator = init_options->allocator;
  RCUTILS_CHECK_ALLOCATOR(&allocator, return fail_with(RMW_RET_INVALID_ARGUMENT, "invalid allocator"));

  // Each part is cleared as it goes, so that a call that failed half-way may be repeated.
  allocator.deallocate(init_options->enclave, allocator.state);
  init_options->enclave = nullptr;
  rmw_ret_t ret = rmw_security_options_fini(&init_options->security_options, &allocator);
  if (ret != RMW_RET_OK) {
    return ret;
  }
  init_options->security_options = rmw_get_zero_initialized_security_options();
  ret = rmw_discovery_options_fini(&init_options->discovery_options);
  if (ret == RMW_RET_OK) {
    *init_options = rmw_get_zero_initialized_init_options();
  }
  return ret;
}

}  // extern "C"
