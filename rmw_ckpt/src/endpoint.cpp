// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "endpoint.hpp"

#include <rosidl_typesupport_fastrtps_cpp/service_type_support.h>

#include <cstring>

#include "names.hpp"
#include "process.hpp"
#include "qos.hpp"

namespace rmw_ckpt {
namespace {

auto creator_of(ckpt_kind kind) {
  switch (kind) {
    case CKPT_PUBLISHER:
      return core::create_publisher;
    case CKPT_SUBSCRIPTION:
      return core::create_subscription;
    case CKPT_SERVICE:
      return core::create_service;
    default:
      return core::create_client;
  }
}

/// Resolves the QoS into `resolved` and makes the entity.
rmw_ret_t open_in_core(ckpt_kind kind, const rmw_node_t * node, const char * name, const std::string & type,
                       const TypeIdentity & identity, const rmw_qos_profile_t & wanted, bool ignore_local,
                       rmw_qos_profile_t * resolved, ckpt_id * id) {
  const rmw_ret_t ret = resolve_qos(wanted, node->context->impl->session, kind, name, resolved);
  if (ret != RMW_RET_OK) {
    return ret;
  }
  ckpt_endpoint_options options{};
  options.topic = name;
  options.type = type.c_str();
  options.type_hash = identity.has_hash ? identity.hash.data() : nullptr;
  options.description = identity.description;
  options.qos = to_core(*resolved);
  options.ignore_local_publications = ignore_local ? 1 : 0;
  RMW_CKPT_CAN_FAIL(RMW_RET_ERROR)
  return check(core::call(creator_of(kind), data_of<Node>(node).id, &options, id), name);
}

/// One attempt to fill reserved space and commit it.
template <class Write>
rmw_ret_t send_with(ckpt_id id, const ckpt_request_id * answers, size_t size, int64_t * sequence, Write && write) {
  ckpt_reservation reservation;
  const ckpt_code code = rmw_ckpt::core::call(rmw_ckpt::core::publish_begin, id, answers, size, &reservation);
  if (RCUTILS_UNLIKELY(code != CKPT_OK)) {
    return fail(code, "cannot publish");
  }
  size_t used = 0;
  const rmw_ret_t ret = guarded("cannot serialize the message", [&] {
    used = write(reservation.data);
    return used != 0 ? RMW_RET_OK : fail_with(RMW_RET_ERROR, "the type support could not serialize the message");
  });
  if (ret != RMW_RET_OK) {
    (void)rmw_ckpt::core::call(rmw_ckpt::core::publish_abort, id, &reservation);
    return ret;
  }
  return check(rmw_ckpt::core::call(rmw_ckpt::core::publish_end, id, &reservation, used, sequence), "cannot publish");
}

}  // namespace

rmw_ret_t check_creation(const rmw_node_t * node, const void * type_support, const char * name,
                         const rmw_qos_profile_t * qos, const char * what) {
  RMW_CKPT_CHECK_HANDLE(node);
  RMW_CHECK_ARGUMENT_FOR_NULL(type_support, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(name, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(qos, RMW_RET_INVALID_ARGUMENT);
  rmw_ret_t ret = check_full_name(name, qos->avoid_ros_namespace_conventions, what);
  if (ret == RMW_RET_OK) {
    ret = check_qos(*qos);
  }
  if (ret != RMW_RET_OK) {
    return ret;
  }
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  return node->context->impl->is_shut_down ? fail_with(RMW_RET_ERROR, "the context has been shut down") : RMW_RET_OK;
}

std::unique_ptr<Endpoint> open_endpoint(ckpt_kind kind, const rmw_node_t * node,
                                        const rosidl_message_type_support_t * type_support, const char * topic,
                                        const rmw_qos_profile_t & qos, bool ignore_local_publications) {
  const auto * const handle = find_type_support(type_support);
  if (handle == nullptr) {
    return nullptr;
  }
  auto endpoint = std::make_unique<Endpoint>();
  endpoint->kind = kind;
  endpoint->type = MessageType(*handle);
  endpoint->plain_size = endpoint->type.plain_size();
  const rmw_ret_t ret = open_in_core(kind, node, topic, endpoint->type.name(), identify(*type_support), qos,
                                     ignore_local_publications, &endpoint->qos, &endpoint->id);
  return ret == RMW_RET_OK ? std::move(endpoint) : nullptr;
}

std::unique_ptr<ServiceEndpoint> open_service(ckpt_kind kind, const rmw_node_t * node,
                                              const rosidl_service_type_support_t * type_support, const char * name,
                                              const rmw_qos_profile_t & qos) {
  const auto * const handle = find_type_support(type_support);
  if (handle == nullptr) {
    return nullptr;
  }
  const auto & callbacks = *static_cast<const service_type_support_callbacks_t *>(handle->data);
  auto endpoint = std::make_unique<ServiceEndpoint>();
  endpoint->request = MessageType(*callbacks.request_members_);
  endpoint->response = MessageType(*callbacks.response_members_);
  const std::string type = join_type_name(callbacks.service_namespace_, callbacks.service_name_);
  const rmw_ret_t ret =
      open_in_core(kind, node, name, type, identify(*type_support), qos, false, &endpoint->qos, &endpoint->id);
  return ret == RMW_RET_OK ? std::move(endpoint) : nullptr;
}

rmw_ret_t close_endpoint(Endpoint & endpoint) {
  RMW_CKPT_CAN_FAIL(RMW_RET_ERROR)
  for (Event & event : endpoint.events) {
    if (event.id != 0) {
      const rmw_ret_t ret = destroy(event.id, "cannot destroy an event");
      if (ret != RMW_RET_OK) {
        return ret;
      }
      event.id = 0;
    }
  }
  return destroy(endpoint.id,
                 endpoint.kind == CKPT_PUBLISHER ? "cannot destroy the publisher" : "cannot destroy the subscription");
}

rmw_ret_t send(ckpt_id id, const MessageType & type, const void * message, const ckpt_request_id * answers,
               int64_t * sequence) {
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  size_t size = 0;
  const rmw_ret_t ret = guarded("cannot serialize the message", [&] {
    size = padded(type.serialized_size(message));
    return RMW_RET_OK;
  });
  if (ret != RMW_RET_OK) {
    return ret;
  }
  return send_with(id, answers, size, sequence,
                   [&](void * data) { return padded(type.serialize(message, data, size)); });
}

rmw_ret_t send_bytes(ckpt_id id, const void * bytes, size_t size) {
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  if (bytes == nullptr || size < encapsulation_size) {
    return fail_with(RMW_RET_ERROR, "a serialized message has at least the 4 bytes of its encapsulation");
  }
  return send_with(id, nullptr, size, nullptr, [&](void * data) {
    std::memcpy(data, bytes, size);
    return size;
  });
}

void fill(const ckpt_message & message, rmw_message_info_t * info) {
  *info = rmw_get_zero_initialized_message_info();
  info->source_timestamp = message.source_time;
  // The message is in the readers' log from the moment at which it is committed.
  info->received_timestamp = message.source_time;
  info->publication_sequence_number = static_cast<uint64_t>(message.sequence);
  info->reception_sequence_number = RMW_MESSAGE_INFO_SEQUENCE_NUMBER_UNSUPPORTED;
  info->publisher_gid.implementation_identifier = identifier;
  std::memcpy(info->publisher_gid.data, message.writer, sizeof(message.writer));
}

rmw_ret_t read_message(const MessageType & type, const ckpt_message & message, void * ros_message) {
  // What is thrown here is due to the bytes, a lack of memory for what they announce too.
  const rmw_ret_t ret = guarded("cannot deserialize", [&] {
    return type.deserialize(message.data, message.size, ros_message)
               ? RMW_RET_OK
               : fail_with(RMW_RET_ERROR, "the bytes do not fit the type");
  });
  return ret == RMW_RET_OK ? ret : unreadable;
}

}  // namespace rmw_ckpt
