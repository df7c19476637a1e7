// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Callbacks on arrival, for executors that do not wait.
#include "entities.hpp"
#include "process.hpp"

using rmw_ckpt::data_of;
using rmw_ckpt::Entity;

namespace {

template <class Handle>
rmw_ret_t set_callback(const Handle * handle, rmw_event_callback_t callback, const void * user_data) {
  if (callback == nullptr && rmw_ckpt::in_forked_child.load(std::memory_order_relaxed)) {
    // Taken down there like all else.
    return RMW_RET_OK;
  }
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  return rmw_ckpt::check(ckpt_set_callback(data_of<const Entity>(handle).id, callback, user_data),
                         "cannot set the callback");
}

}  // namespace

extern "C" {

rmw_ret_t rmw_subscription_set_on_new_message_callback(rmw_subscription_t * subscription, rmw_event_callback_t callback,
                                                       const void * user_data) {
  RMW_CKPT_CHECK_HANDLE(subscription);
  return set_callback(subscription, callback, user_data);
}

rmw_ret_t rmw_service_set_on_new_request_callback(rmw_service_t * service, rmw_event_callback_t callback,
                                                  const void * user_data) {
  RMW_CKPT_CHECK_HANDLE(service);
  return set_callback(service, callback, user_data);
}

rmw_ret_t rmw_client_set_on_new_response_callback(rmw_client_t * client, rmw_event_callback_t callback,
                                                  const void * user_data) {
  RMW_CKPT_CHECK_HANDLE(client);
  return set_callback(client, callback, user_data);
}

rmw_ret_t rmw_event_set_callback(rmw_event_t * event, rmw_event_callback_t callback, const void * user_data) {
  RMW_CKPT_CHECK_HANDLE(event);
  return set_callback(event, callback, user_data);
}

}  // extern "C"
