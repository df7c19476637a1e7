// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Callbacks on arrival, for executors that do not wait.
#include "entities.hpp"
#include "process.hpp"

using rmw_ckpt::data_of;
using rmw_ckpt::Entity;
namespace core = rmw_ckpt::core;

namespace {

/// Called by the core, maybe in a call of this thread to it: what the user's function does is not the core's doing.
void call_back(const void * data, size_t count) {
  const auto & callback = *static_cast<const rmw_ckpt::Callback *>(data);
  const int depth = rmw_ckpt::core::depth;
  rmw_ckpt::core::depth = 0;
  callback.function(callback.user_data, count);
  rmw_ckpt::core::depth = depth;
}

const rmw_ckpt::Callback & keep(Entity & entity, rmw_event_callback_t function, const void * user_data) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  for (const auto & kept : entity.callbacks) {
    if (kept.function == function && kept.user_data == user_data) {
      return kept;
    }
  }
  return entity.callbacks.emplace_front(rmw_ckpt::Callback{function, user_data});
}

template <class Handle>
rmw_ret_t set_callback(const Handle * handle, rmw_event_callback_t callback, const void * user_data) {
  if (callback == nullptr && rmw_ckpt::in_forked_child.load(std::memory_order_relaxed)) {
    // Taken down there like all else.
    return RMW_RET_OK;
  }
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  return rmw_ckpt::guarded("cannot set the callback", [&] {
    auto & entity = data_of<Entity>(handle);
    const ckpt_code code =
        callback == nullptr ? core::call(core::set_callback, entity.id, nullptr, nullptr)
                            : core::call(core::set_callback, entity.id, &call_back, &keep(entity, callback, user_data));
    return rmw_ckpt::check(code, "cannot set the callback");
  });
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
