// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "endpoint.hpp"
#include "process.hpp"

using rmw_ckpt::data_of;
using rmw_ckpt::Endpoint;
using rmw_ckpt::fail_with;

namespace {

rmw_publisher_t * create_publisher(const rmw_node_t * node, const rosidl_message_type_support_t * type_support,
                                   const char * topic, const rmw_qos_profile_t & qos,
                                   const rmw_publisher_options_t & options) {
  rmw_ckpt::Owned<rmw_publisher_t, rmw_publisher_free> handle(rmw_publisher_allocate());
  if (handle == nullptr) {
    (void)fail_with(RMW_RET_BAD_ALLOC, "failed to allocate the publisher");
    return nullptr;
  }
  auto name = rmw_ckpt::duplicate(topic);
  if (name == nullptr) {
    return nullptr;
  }
  auto endpoint = rmw_ckpt::open_endpoint(CKPT_PUBLISHER, node, type_support, topic, qos, false);
  if (endpoint == nullptr) {
    return nullptr;
  }
  const bool can_loan = endpoint->plain_size != 0;
  *handle = {rmw_ckpt::identifier, endpoint.release(), name.release(), options, can_loan};
  return handle.release();
}

}  // namespace

extern "C" {

rmw_publisher_t * rmw_create_publisher(const rmw_node_t * node, const rosidl_message_type_support_t * type_support,
                                       const char * topic_name, const rmw_qos_profile_t * qos_profile,
                                       const rmw_publisher_options_t * publisher_options) {
  if (rmw_ckpt::check_creation(node, type_support, topic_name, qos_profile, "topic name") != RMW_RET_OK) {
    return nullptr;
  }
  RMW_CHECK_ARGUMENT_FOR_NULL(publisher_options, nullptr);
  if (publisher_options->require_unique_network_flow_endpoints == RMW_UNIQUE_NETWORK_FLOW_ENDPOINTS_STRICTLY_REQUIRED) {
    (void)fail_with(RMW_RET_ERROR, "unique network flow endpoints are not supported: no network is used");
    return nullptr;
  }
  return rmw_ckpt::guarded("cannot create the publisher", static_cast<rmw_publisher_t *>(nullptr), [&] {
    return create_publisher(node, type_support, topic_name, *qos_profile, *publisher_options);
  });
}

rmw_ret_t rmw_destroy_publisher(rmw_node_t * node, rmw_publisher_t * publisher) {
  RMW_CKPT_CHECK_HANDLE(node);
  RMW_CKPT_CHECK_HANDLE(publisher);
  auto & endpoint = data_of<Endpoint>(publisher);
  const rmw_ret_t ret = rmw_ckpt::close_endpoint(endpoint);
  if (ret == RMW_RET_OK) {
    delete &endpoint;
    rmw_free(const_cast<char *>(publisher->topic_name));
    rmw_publisher_free(publisher);
  }
  return ret;
}

rmw_ret_t rmw_publish(const rmw_publisher_t * publisher, const void * ros_message, rmw_publisher_allocation_t *) {
  RMW_CKPT_CHECK_HANDLE(publisher);
  RMW_CHECK_ARGUMENT_FOR_NULL(ros_message, RMW_RET_INVALID_ARGUMENT);
  const auto & endpoint = data_of<const Endpoint>(publisher);
  return rmw_ckpt::send(endpoint.id, endpoint.type, ros_message, nullptr, nullptr);
}

rmw_ret_t rmw_publish_serialized_message(const rmw_publisher_t * publisher,
                                         const rmw_serialized_message_t * serialized_message,
                                         rmw_publisher_allocation_t *) {
  RMW_CKPT_CHECK_HANDLE(publisher);
  RMW_CHECK_ARGUMENT_FOR_NULL(serialized_message, RMW_RET_INVALID_ARGUMENT);
  return rmw_ckpt::send_bytes(data_of<const Endpoint>(publisher).id, serialized_message->buffer,
                              serialized_message->buffer_length);
}

rmw_ret_t rmw_publisher_get_actual_qos(const rmw_publisher_t * publisher, rmw_qos_profile_t * qos) {
  RMW_CKPT_CHECK_HANDLE(publisher);
  RMW_CHECK_ARGUMENT_FOR_NULL(qos, RMW_RET_INVALID_ARGUMENT);
  *qos = data_of<const Endpoint>(publisher).qos;
  return RMW_RET_OK;
}

rmw_ret_t rmw_publisher_assert_liveliness(const rmw_publisher_t * publisher) {
  RMW_CKPT_CHECK_HANDLE(publisher);
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  const ckpt_code code = rmw_ckpt::core::call(rmw_ckpt::core::assert_liveliness, data_of<const Endpoint>(publisher).id);
  return code == CKPT_OK ? RMW_RET_OK : rmw_ckpt::fail(code, "cannot assert the liveliness");
}

/// OK at once: when rmw_publish has returned, the message is in the log that its readers read from, and stays there
/// until they have it. There is no way left on which it could be lost and of which an acknowledgement could tell.
rmw_ret_t rmw_publisher_wait_for_all_acked(const rmw_publisher_t * publisher, rmw_time_t) {
  RMW_CKPT_CHECK_HANDLE(publisher);
  return RMW_RET_OK;
}

}  // extern "C"
