// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#ifndef SERVICE_HPP_
#define SERVICE_HPP_

#include <cstring>

#include "endpoint.hpp"
#include "process.hpp"

namespace rmw_ckpt {

/// A service or client with its handle: both look the same but for their names.
template <class Handle, auto Allocate, auto Free>
Handle * create_service_handle(ckpt_kind kind, const rmw_node_t * node,
                               const rosidl_service_type_support_t * type_support, const char * service_name,
                               const rmw_qos_profile_t & qos) {
  Owned<Handle, Free> handle(Allocate());
  if (handle == nullptr) {
    (void)fail_with(RMW_RET_BAD_ALLOC, "failed to allocate the handle of a service or client");
    return nullptr;
  }
  auto name = duplicate(service_name);
  if (name == nullptr) {
    return nullptr;
  }
  auto endpoint = open_service(kind, node, type_support, service_name, qos);
  if (endpoint == nullptr) {
    return nullptr;
  }
  *handle = {identifier, endpoint.release(), name.release()};
  return handle.release();
}

template <auto Free, class Handle>
rmw_ret_t destroy_service_handle(Handle * handle, const char * doing) {
  RMW_CKPT_CAN_FAIL(RMW_RET_ERROR)
  auto & endpoint = data_of<ServiceEndpoint>(handle);
  const rmw_ret_t ret = destroy(endpoint.id, doing);
  if (ret == RMW_RET_OK) {
    delete &endpoint;
    rmw_free(const_cast<char *>(handle->service_name));
    Free(handle);
  }
  return ret;
}

/// Takes a request or a response, with its header.
inline rmw_ret_t take_with_header(ServiceEndpoint & endpoint, const char * name, const MessageType & type,
                                  rmw_service_info_t * header, void * ros_message, bool * taken) {
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  return take(endpoint, name, taken, [&](const ckpt_message & message) {
    const rmw_ret_t ret = read_message(type, message, ros_message);
    if (ret == RMW_RET_OK) {
      static_assert(sizeof(header->request_id.writer_guid) >= sizeof(message.request.client));
      *header = {};
      header->source_timestamp = message.source_time;
      header->received_timestamp = message.source_time;
      std::memcpy(header->request_id.writer_guid, message.request.client, sizeof(message.request.client));
      header->request_id.sequence_number = message.request.sequence;
    }
    return ret;
  });
}

}  // namespace rmw_ckpt

#endif  // SERVICE_HPP_
