// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// rmw_serialize and its like: messages turned into CDR and back without being sent.
#include <rmw/rmw.h>

#include <cstring>

#include "common.hpp"
#include "type_support.hpp"

using rmw_ckpt::fail_with;

extern "C" {

rmw_ret_t rmw_serialize(const void * ros_message, const rosidl_message_type_support_t * type_support,
                        rmw_serialized_message_t * serialized_message) {
  RMW_CHECK_ARGUMENT_FOR_NULL(ros_message, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(type_support, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(serialized_message, RMW_RET_INVALID_ARGUMENT);
  return rmw_ckpt::guarded("cannot serialize the message", [&] {
    const auto * handle = rmw_ckpt::find_type_support(type_support);
    if (handle == nullptr) {
      return RMW_RET_ERROR;
    }
    const rmw_ckpt::MessageType type(*handle);
    const size_t size = type.serialized_size(ros_message);
    if (serialized_message->buffer_capacity < size) {
      RMW_CKPT_CHECK_ALLOCATOR_OF(serialized_message);
      const rmw_ret_t ret = rmw_serialized_message_resize(serialized_message, size);
      if (ret != RMW_RET_OK) {
        return ret;
      }
    }
    // Fast CDR passes over padding. The bytes may be published, and a replay compares them.
    std::memset(serialized_message->buffer, 0, size);
    const size_t used = type.serialize(ros_message, serialized_message->buffer, size);
    if (used == 0) {
      return fail_with(RMW_RET_ERROR, "the type support could not serialize the message");
    }
    serialized_message->buffer_length = used;
    return RMW_RET_OK;
  });
}

rmw_ret_t rmw_deserialize(const rmw_serialized_message_t * serialized_message,
                          const rosidl_message_type_support_t * type_support, void * ros_message) {
  RMW_CHECK_ARGUMENT_FOR_NULL(serialized_message, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(type_support, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(ros_message, RMW_RET_INVALID_ARGUMENT);
  return rmw_ckpt::guarded("cannot deserialize the message", [&] {
    const auto * handle = rmw_ckpt::find_type_support(type_support);
    if (handle == nullptr) {
      return RMW_RET_ERROR;
    }
    const rmw_ckpt::MessageType type(*handle);
    if (!type.deserialize(serialized_message->buffer, serialized_message->buffer_length, ros_message)) {
      return fail_with(RMW_RET_ERROR, "the bytes are not a serialized message of this type");
    }
    return RMW_RET_OK;
  });
}

const char * rmw_get_serialization_format(void) {
  return "cdr";
}

rmw_ret_t rmw_get_serialized_message_size(const rosidl_message_type_support_t *,
                                          const rosidl_runtime_c__Sequence__bound *, size_t *) {
  return fail_with(RMW_RET_UNSUPPORTED, "rmw_ckpt does not compute sizes from bounds");
}

}  // extern "C"
