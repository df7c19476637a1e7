// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <rcutils/logging_macros.h>
#include <rmw/init.h>
#include <unistd.h>

#include <limits>

#include "asked.hpp"
#include "entities.hpp"
#include "process.hpp"
#include "settings.hpp"

using rmw_ckpt::fail_with;
using rmw_ckpt::identifier;

namespace {

/// What rmw_init refuses in otherwise well-formed options.
rmw_ret_t check_options(const rmw_init_options_t & options) {
  if (options.discovery_options.automatic_discovery_range == RMW_AUTOMATIC_DISCOVERY_RANGE_NOT_SET) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "the automatic discovery range must be set");
  }
  if (options.domain_id != RMW_DEFAULT_DOMAIN_ID && options.domain_id > std::numeric_limits<uint32_t>::max()) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "the domain id is too large");
  }
  if (options.security_options.enforce_security == RMW_SECURITY_ENFORCEMENT_ENFORCE) {
    return fail_with(RMW_RET_ERROR,
                     "rmw_ckpt has no SROS 2 security, and ROS_SECURITY_STRATEGY=Enforce asks for it: unset it or use "
                     "another middleware (processes of one user on one host only can talk to each other here)");
  }
  if (options.security_options.security_root_path != nullptr) {
    RCUTILS_LOG_WARN_NAMED(identifier, "rmw_ckpt has no SROS 2 security: messages are neither signed nor encrypted");
  }
  return RMW_RET_OK;
}

/// With discovery off a process is alone with itself: in a domain that no ROS_DOMAIN_ID names. One that the master
/// starts again goes back to the domain of its previous incarnation (RMW_CKPT_RESUME=ID@DOMAIN).
uint32_t domain_to_join(const rmw_init_options_t & options, size_t domain) {
  constexpr uint32_t private_domains = 0x40000000;
  if (options.discovery_options.automatic_discovery_range != RMW_AUTOMATIC_DISCOVERY_RANGE_OFF) {
    return static_cast<uint32_t>(domain);
  }
  const uint32_t previous = rmw_ckpt::resumed_domain();
  return (previous & private_domains) != 0 ? previous : private_domains | static_cast<uint32_t>(getpid());
}

}  // namespace

extern "C" {

rmw_ret_t rmw_init(const rmw_init_options_t * options, rmw_context_t * context) {
  RMW_CHECK_ARGUMENT_FOR_NULL(options, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(context, RMW_RET_INVALID_ARGUMENT);
  if (options->implementation_identifier == nullptr) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "expected initialized init options");
  }
  RMW_CKPT_CHECK_OURS(options, RMW_RET_INCORRECT_RMW_IMPLEMENTATION);
  RMW_CHECK_ARGUMENT_FOR_NULL(options->enclave, RMW_RET_INVALID_ARGUMENT);
  if (context->implementation_identifier != nullptr) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "expected a zero-initialized context");
  }
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  rmw_ret_t ret = check_options(*options);
  if (ret != RMW_RET_OK) {
    return ret;
  }

  return rmw_ckpt::guarded("cannot initialize the context", [&] {
    auto impl = std::make_unique<rmw_context_impl_t>();
    rmw_context_t fresh = rmw_get_zero_initialized_context();
    fresh.instance_id = options->instance_id;
    fresh.implementation_identifier = identifier;
    fresh.actual_domain_id = options->domain_id == RMW_DEFAULT_DOMAIN_ID ? 0 : options->domain_id;
    fresh.options = rmw_get_zero_initialized_init_options();
    ret = rmw_init_options_copy(options, &fresh.options);
    if (ret != RMW_RET_OK) {
      return ret;
    }
    // Last, since nothing after it can fail.
    ret = rmw_ckpt::join(domain_to_join(*options, fresh.actual_domain_id), &impl->session);
    if (ret != RMW_RET_OK) {
      rmw_ckpt::ignore(rmw_init_options_fini(&fresh.options));
      return ret;
    }
    fresh.impl = impl.release();
    *context = fresh;
    return RMW_RET_OK;
  });
}

rmw_ret_t rmw_shutdown(rmw_context_t * context) {
  RMW_CHECK_ARGUMENT_FOR_NULL(context, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(context->impl, RMW_RET_INVALID_ARGUMENT);
  RMW_CKPT_CHECK_OURS(context, RMW_RET_INCORRECT_RMW_IMPLEMENTATION);
  if (context->impl->is_shut_down) {
    return RMW_RET_OK;
  }
  RMW_CKPT_CAN_FAIL(RMW_RET_ERROR)
  if (context->impl->is_shut_down.exchange(true)) {
    return RMW_RET_OK;
  }
  // A forked child has no share in its parent's session.
  if (rmw_ckpt::in_forked_child.load(std::memory_order_relaxed)) {
    return RMW_RET_OK;
  }
  rmw_ckpt::note_exit();
  const rmw_ret_t ret = rmw_ckpt::check(rmw_ckpt::core::call(rmw_ckpt::core::shutdown, context->impl->session),
                                        "cannot leave the domain");
  if (ret != RMW_RET_OK) {
    context->impl->is_shut_down = false;
  }
  return ret;
}

rmw_ret_t rmw_context_fini(rmw_context_t * context) {
  RMW_CHECK_ARGUMENT_FOR_NULL(context, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(context->impl, RMW_RET_INVALID_ARGUMENT);
  RMW_CKPT_CHECK_OURS(context, RMW_RET_INCORRECT_RMW_IMPLEMENTATION);
  if (!context->impl->is_shut_down) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "the context has not been shut down");
  }
  if (context->impl->nodes != 0) {
    return fail_with(RMW_RET_ERROR, "the context still has nodes");
  }
  RMW_CKPT_CAN_FAIL(RMW_RET_ERROR)
  const rmw_ret_t ret = rmw_init_options_fini(&context->options);
  if (ret != RMW_RET_OK) {
    return ret;
  }
  if (!rmw_ckpt::in_forked_child.load(std::memory_order_relaxed)) {
    // Before the place may be gone.
    rmw_ckpt::forget_asked();
  }
  rmw_ckpt::note_exit();
  if (!rmw_ckpt::in_forked_child.load(std::memory_order_relaxed) &&
      rmw_ckpt::check(rmw_ckpt::core::call(rmw_ckpt::core::fini, context->impl->session), "cannot forget the domain") !=
          RMW_RET_OK) {
    // The context is gone all the same.
    RCUTILS_LOG_ERROR_NAMED(identifier, "%s", rmw_get_error_string().str);
    rmw_reset_error();
  }
  if (!rmw_ckpt::in_forked_child.load(std::memory_order_relaxed)) {
    // Other contexts may share the session, or have others.
    rmw_ckpt::note_asked_in(context->impl->session);
  }
  delete context->impl;
  *context = rmw_get_zero_initialized_context();
  return RMW_RET_OK;
}

}  // extern "C"
