// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "service.hpp"

using rmw_ckpt::data_of;
using rmw_ckpt::ServiceEndpoint;

extern "C" {

rmw_client_t * rmw_create_client(const rmw_node_t * node, const rosidl_service_type_support_t * type_support,
                                 const char * service_name, const rmw_qos_profile_t * qos_policies) {
  if (rmw_ckpt::check_creation(node, type_support, service_name, qos_policies, "service name") != RMW_RET_OK) {
    return nullptr;
  }
  return rmw_ckpt::guarded("cannot create the client", static_cast<rmw_client_t *>(nullptr), [&] {
    return rmw_ckpt::create_service_handle<rmw_client_t, rmw_client_allocate, rmw_client_free>(
        CKPT_CLIENT, node, type_support, service_name, *qos_policies);
  });
}

rmw_ret_t rmw_destroy_client(rmw_node_t * node, rmw_client_t * client) {
  RMW_CKPT_CHECK_HANDLE(node);
  RMW_CKPT_CHECK_HANDLE(client);
  return rmw_ckpt::destroy_service_handle<rmw_client_free>(client, "cannot destroy the client");
}

rmw_ret_t rmw_send_request(const rmw_client_t * client, const void * ros_request, int64_t * sequence_id) {
  RMW_CKPT_CHECK_HANDLE(client);
  RMW_CHECK_ARGUMENT_FOR_NULL(ros_request, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(sequence_id, RMW_RET_INVALID_ARGUMENT);
  const auto & endpoint = data_of<const ServiceEndpoint>(client);
  return rmw_ckpt::send(endpoint.id, endpoint.request, ros_request, nullptr, sequence_id);
}

rmw_ret_t rmw_take_response(const rmw_client_t * client, rmw_service_info_t * request_header, void * ros_response,
                            bool * taken) {
  RMW_CKPT_CHECK_HANDLE(client);
  RMW_CHECK_ARGUMENT_FOR_NULL(request_header, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(ros_response, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(taken, RMW_RET_INVALID_ARGUMENT);
  auto & endpoint = data_of<ServiceEndpoint>(client);
  return rmw_ckpt::take_with_header(endpoint, client->service_name, endpoint.response, request_header, ros_response,
                                    taken);
}

rmw_ret_t rmw_client_request_publisher_get_actual_qos(const rmw_client_t * client, rmw_qos_profile_t * qos) {
  RMW_CKPT_CHECK_HANDLE(client);
  RMW_CHECK_ARGUMENT_FOR_NULL(qos, RMW_RET_INVALID_ARGUMENT);
  *qos = data_of<const ServiceEndpoint>(client).qos;
  return RMW_RET_OK;
}

rmw_ret_t rmw_client_response_subscription_get_actual_qos(const rmw_client_t * client, rmw_qos_profile_t * qos) {
  return rmw_client_request_publisher_get_actual_qos(client, qos);
}

}  // extern "C"
