// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "service.hpp"

using rmw_ckpt::data_of;
using rmw_ckpt::ServiceEndpoint;

extern "C" {

rmw_service_t * rmw_create_service(const rmw_node_t * node, const rosidl_service_type_support_t * type_support,
                                   const char * service_name, const rmw_qos_profile_t * qos_profile) {
  if (rmw_ckpt::check_creation(node, type_support, service_name, qos_profile, "service name") != RMW_RET_OK) {
    return nullptr;
  }
  return rmw_ckpt::guarded("cannot create the service", static_cast<rmw_service_t *>(nullptr), [&] {
    return rmw_ckpt::create_service_handle<rmw_service_t, rmw_service_allocate, rmw_service_free>(
        CKPT_SERVICE, node, type_support, service_name, *qos_profile);
  });
}

rmw_ret_t rmw_destroy_service(rmw_node_t * node, rmw_service_t * service) {
  RMW_CKPT_CHECK_HANDLE(node);
  RMW_CKPT_CHECK_HANDLE(service);
  return rmw_ckpt::destroy_service_handle<rmw_service_free>(service, "cannot destroy the service");
}

rmw_ret_t rmw_take_request(const rmw_service_t * service, rmw_service_info_t * request_header, void * ros_request,
                           bool * taken) {
  RMW_CKPT_CHECK_HANDLE(service);
  RMW_CHECK_ARGUMENT_FOR_NULL(request_header, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(ros_request, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(taken, RMW_RET_INVALID_ARGUMENT);
  auto & endpoint = data_of<ServiceEndpoint>(service);
  return rmw_ckpt::take_with_header(endpoint, service->service_name, endpoint.request, request_header, ros_request,
                                    taken);
}

/// A client that is gone meanwhile is no failure: the reply is in the log, and nobody reads it.
rmw_ret_t rmw_send_response(const rmw_service_t * service, rmw_request_id_t * request_header, void * ros_response) {
  RMW_CKPT_CHECK_HANDLE(service);
  RMW_CHECK_ARGUMENT_FOR_NULL(request_header, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(ros_response, RMW_RET_INVALID_ARGUMENT);
  const auto & endpoint = data_of<const ServiceEndpoint>(service);
  ckpt_request_id answers{};
  std::memcpy(answers.client, request_header->writer_guid, sizeof(answers.client));
  answers.sequence = request_header->sequence_number;
  return rmw_ckpt::send(endpoint.id, endpoint.response, ros_response, &answers, nullptr);
}

rmw_ret_t rmw_service_request_subscription_get_actual_qos(const rmw_service_t * service, rmw_qos_profile_t * qos) {
  RMW_CKPT_CHECK_HANDLE(service);
  RMW_CHECK_ARGUMENT_FOR_NULL(qos, RMW_RET_INVALID_ARGUMENT);
  *qos = data_of<const ServiceEndpoint>(service).qos;
  return RMW_RET_OK;
}

rmw_ret_t rmw_service_response_publisher_get_actual_qos(const rmw_service_t * service, rmw_qos_profile_t * qos) {
  return rmw_service_request_subscription_get_actual_qos(service, qos);
}

}  // extern "C"
