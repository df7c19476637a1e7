// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What rmw_ckpt does not do. The symbols must be there: rmw_implementation looks all of them up when it loads us.
#include <rmw/dynamic_message_type_support.h>
#include <rmw/get_network_flow_endpoints.h>
#include <rmw/rmw.h>

#include "common.hpp"

using rmw_ckpt::fail_with;

namespace {

rmw_ret_t no_filters() {
  return fail_with(RMW_RET_UNSUPPORTED, "rmw_ckpt does not filter by content");
}

rmw_ret_t no_dynamic_messages() {
  return fail_with(RMW_RET_UNSUPPORTED, "rmw_ckpt does not take dynamic messages");
}

rmw_ret_t no_flows() {
  return fail_with(RMW_RET_UNSUPPORTED, "rmw_ckpt uses no network flows");
}

rmw_ret_t no_preallocation() {
  return fail_with(RMW_RET_UNSUPPORTED, "rmw_ckpt serializes in place: there is nothing to allocate in advance");
}

}  // namespace

extern "C" {

rmw_ret_t rmw_subscription_set_content_filter(rmw_subscription_t * subscription,
                                              const rmw_subscription_content_filter_options_t * options) {
  RMW_CKPT_CHECK_HANDLE(subscription);
  RMW_CHECK_ARGUMENT_FOR_NULL(options, RMW_RET_INVALID_ARGUMENT);
  return no_filters();
}

rmw_ret_t rmw_subscription_get_content_filter(const rmw_subscription_t * subscription, rcutils_allocator_t * allocator,
                                              rmw_subscription_content_filter_options_t * options) {
  RMW_CKPT_CHECK_HANDLE(subscription);
  RMW_CHECK_ARGUMENT_FOR_NULL(allocator, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(options, RMW_RET_INVALID_ARGUMENT);
  return no_filters();
}

rmw_ret_t rmw_take_dynamic_message(const rmw_subscription_t *, rosidl_dynamic_typesupport_dynamic_data_t *, bool *,
                                   rmw_subscription_allocation_t *) {
  return no_dynamic_messages();
}

rmw_ret_t rmw_take_dynamic_message_with_info(const rmw_subscription_t *, rosidl_dynamic_typesupport_dynamic_data_t *,
                                             bool *, rmw_message_info_t *, rmw_subscription_allocation_t *) {
  return no_dynamic_messages();
}

rmw_ret_t rmw_serialization_support_init(const char *, rcutils_allocator_t *,
                                         rosidl_dynamic_typesupport_serialization_support_t *) {
  return no_dynamic_messages();
}

rmw_ret_t rmw_publisher_get_network_flow_endpoints(const rmw_publisher_t *, rcutils_allocator_t *,
                                                   rmw_network_flow_endpoint_array_t *) {
  return no_flows();
}

rmw_ret_t rmw_subscription_get_network_flow_endpoints(const rmw_subscription_t *, rcutils_allocator_t *,
                                                      rmw_network_flow_endpoint_array_t *) {
  return no_flows();
}

rmw_ret_t rmw_init_publisher_allocation(const rosidl_message_type_support_t *,
                                        const rosidl_runtime_c__Sequence__bound *, rmw_publisher_allocation_t *) {
  return no_preallocation();
}

rmw_ret_t rmw_fini_publisher_allocation(rmw_publisher_allocation_t *) {
  return no_preallocation();
}

rmw_ret_t rmw_init_subscription_allocation(const rosidl_message_type_support_t *,
                                           const rosidl_runtime_c__Sequence__bound *, rmw_subscription_allocation_t *) {
  return no_preallocation();
}

rmw_ret_t rmw_fini_subscription_allocation(rmw_subscription_allocation_t *) {
  return no_preallocation();
}

}  // extern "C"
