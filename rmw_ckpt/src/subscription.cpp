// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "endpoint.hpp"

using rmw_ckpt::data_of;
using rmw_ckpt::Endpoint;
using rmw_ckpt::fail_with;

namespace {

rmw_subscription_t * create_subscription(const rmw_node_t * node, const rosidl_message_type_support_t * type_support,
                                         const char * topic, const rmw_qos_profile_t & qos,
                                         const rmw_subscription_options_t & options) {
  rmw_ckpt::Owned<rmw_subscription_t, rmw_subscription_free> handle(rmw_subscription_allocate());
  if (handle == nullptr) {
    (void)fail_with(RMW_RET_BAD_ALLOC, "failed to allocate the subscription");
    return nullptr;
  }
  auto name = rmw_ckpt::duplicate(topic);
  if (name == nullptr) {
    return nullptr;
  }
  auto endpoint =
      rmw_ckpt::open_endpoint(CKPT_SUBSCRIPTION, node, type_support, topic, qos, options.ignore_local_publications);
  if (endpoint == nullptr) {
    return nullptr;
  }
  // All else is false, whatever more the distro has. A content filter in the options is not refused: callers look at
  // is_cft_enabled and filter by themselves.
  *handle = rmw_subscription_t();
  handle->implementation_identifier = rmw_ckpt::identifier;
  handle->topic_name = name.release();
  handle->options = options;
  handle->can_loan_messages = endpoint->plain_size != 0;
  handle->data = endpoint.release();
  return handle.release();
}

}  // namespace

extern "C" {

rmw_subscription_t * rmw_create_subscription(const rmw_node_t * node,
                                             const rosidl_message_type_support_t * type_support,
                                             const char * topic_name, const rmw_qos_profile_t * qos_policies,
                                             const rmw_subscription_options_t * subscription_options) {
  if (rmw_ckpt::check_creation(node, type_support, topic_name, qos_policies, "topic name") != RMW_RET_OK) {
    return nullptr;
  }
  RMW_CHECK_ARGUMENT_FOR_NULL(subscription_options, nullptr);
  if (subscription_options->require_unique_network_flow_endpoints ==
      RMW_UNIQUE_NETWORK_FLOW_ENDPOINTS_STRICTLY_REQUIRED) {
    (void)fail_with(RMW_RET_ERROR, "unique network flow endpoints are not supported: no network is used");
    return nullptr;
  }
  return rmw_ckpt::guarded("cannot create the subscription", static_cast<rmw_subscription_t *>(nullptr), [&] {
    return create_subscription(node, type_support, topic_name, *qos_policies, *subscription_options);
  });
}

rmw_ret_t rmw_destroy_subscription(rmw_node_t * node, rmw_subscription_t * subscription) {
  RMW_CKPT_CHECK_HANDLE(node);
  RMW_CKPT_CHECK_HANDLE(subscription);
  auto & endpoint = data_of<Endpoint>(subscription);
  const rmw_ret_t ret = rmw_ckpt::close_endpoint(endpoint);
  if (ret == RMW_RET_OK) {
    delete &endpoint;
    rmw_free(const_cast<char *>(subscription->topic_name));
    rmw_subscription_free(subscription);
  }
  return ret;
}

rmw_ret_t rmw_subscription_get_actual_qos(const rmw_subscription_t * subscription, rmw_qos_profile_t * qos) {
  RMW_CKPT_CHECK_HANDLE(subscription);
  RMW_CHECK_ARGUMENT_FOR_NULL(qos, RMW_RET_INVALID_ARGUMENT);
  *qos = data_of<const Endpoint>(subscription).qos;
  return RMW_RET_OK;
}

}  // extern "C"
