// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <rcutils/logging_macros.h>

#include <cstring>

#include "endpoint.hpp"
#include "process.hpp"

using rmw_ckpt::data_of;
using rmw_ckpt::Endpoint;
using rmw_ckpt::fail_with;

namespace {

rmw_ret_t take(const rmw_subscription_t * subscription, void * ros_message, bool * taken, rmw_message_info_t * info) {
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  auto & endpoint = data_of<Endpoint>(subscription);
  return rmw_ckpt::take(endpoint, subscription->topic_name, taken, [&](const ckpt_message & message) {
    const rmw_ret_t ret = rmw_ckpt::read_message(endpoint.type, message, ros_message);
    if (ret == RMW_RET_OK && info != nullptr) {
      rmw_ckpt::fill(message, info);
    }
    return ret;
  });
}

rmw_ret_t take_serialized(const rmw_subscription_t * subscription, rmw_serialized_message_t * serialized, bool * taken,
                          rmw_message_info_t * info) {
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  // Before a message is taken, which would be lost.
  RMW_CKPT_CHECK_ALLOCATOR_OF(serialized);
  auto & endpoint = data_of<Endpoint>(subscription);
  return rmw_ckpt::take(endpoint, subscription->topic_name, taken, [&](const ckpt_message & message) {
    if (serialized->buffer_capacity < message.size) {
      const rmw_ret_t ret = rmw_serialized_message_resize(serialized, message.size);
      if (ret != RMW_RET_OK) {
        return ret;
      }
    }
    std::memcpy(serialized->buffer, message.data, message.size);
    serialized->buffer_length = message.size;
    if (info != nullptr) {
      rmw_ckpt::fill(message, info);
    }
    return RMW_RET_OK;
  });
}

}  // namespace

extern "C" {

rmw_ret_t rmw_take(const rmw_subscription_t * subscription, void * ros_message, bool * taken,
                   rmw_subscription_allocation_t *) {
  RMW_CKPT_CHECK_HANDLE(subscription);
  RMW_CHECK_ARGUMENT_FOR_NULL(ros_message, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(taken, RMW_RET_INVALID_ARGUMENT);
  return take(subscription, ros_message, taken, nullptr);
}

rmw_ret_t rmw_take_with_info(const rmw_subscription_t * subscription, void * ros_message, bool * taken,
                             rmw_message_info_t * message_info, rmw_subscription_allocation_t *) {
  RMW_CKPT_CHECK_HANDLE(subscription);
  RMW_CHECK_ARGUMENT_FOR_NULL(ros_message, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(taken, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(message_info, RMW_RET_INVALID_ARGUMENT);
  return take(subscription, ros_message, taken, message_info);
}

rmw_ret_t rmw_take_sequence(const rmw_subscription_t * subscription, size_t count,
                            rmw_message_sequence_t * message_sequence,
                            rmw_message_info_sequence_t * message_info_sequence, size_t * taken,
                            rmw_subscription_allocation_t *) {
  RMW_CKPT_CHECK_HANDLE(subscription);
  RMW_CHECK_ARGUMENT_FOR_NULL(message_sequence, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(message_info_sequence, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(taken, RMW_RET_INVALID_ARGUMENT);
  if (count == 0) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "count cannot be 0");
  }
  if (count > message_sequence->capacity) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "insufficient capacity in message_sequence");
  }
  if (count > message_info_sequence->capacity) {
    return fail_with(RMW_RET_INVALID_ARGUMENT, "insufficient capacity in message_info_sequence");
  }
  size_t done = 0;
  while (done < count) {
    bool one = false;
    const rmw_ret_t ret = take(subscription, message_sequence->data[done], &one, &message_info_sequence->data[done]);
    if (ret != RMW_RET_OK && done == 0) {
      return ret;
    }
    if (ret != RMW_RET_OK) {
      // Those before it must not be lost because of it.
      RCUTILS_LOG_ERROR_NAMED(rmw_ckpt::identifier, "a message was dropped: %s", rmw_get_error_string().str);
      rmw_reset_error();
      break;
    }
    if (!one) {
      break;
    }
    ++done;
  }
  message_sequence->size = done;
  message_info_sequence->size = done;
  *taken = done;
  return RMW_RET_OK;
}

rmw_ret_t rmw_take_serialized_message(const rmw_subscription_t * subscription,
                                      rmw_serialized_message_t * serialized_message, bool * taken,
                                      rmw_subscription_allocation_t *) {
  RMW_CKPT_CHECK_HANDLE(subscription);
  RMW_CHECK_ARGUMENT_FOR_NULL(serialized_message, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(taken, RMW_RET_INVALID_ARGUMENT);
  return take_serialized(subscription, serialized_message, taken, nullptr);
}

rmw_ret_t rmw_take_serialized_message_with_info(const rmw_subscription_t * subscription,
                                                rmw_serialized_message_t * serialized_message, bool * taken,
                                                rmw_message_info_t * message_info, rmw_subscription_allocation_t *) {
  RMW_CKPT_CHECK_HANDLE(subscription);
  RMW_CHECK_ARGUMENT_FOR_NULL(serialized_message, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(taken, RMW_RET_INVALID_ARGUMENT);
  RMW_CHECK_ARGUMENT_FOR_NULL(message_info, RMW_RET_INVALID_ARGUMENT);
  return take_serialized(subscription, serialized_message, taken, message_info);
}

}  // extern "C"
