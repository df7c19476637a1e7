// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "entities.hpp"
#include "process.hpp"

using rmw_ckpt::data_of;
using rmw_ckpt::Guard;

extern "C" {

rmw_guard_condition_t * rmw_create_guard_condition(rmw_context_t * context) {
  RMW_CHECK_ARGUMENT_FOR_NULL(context, nullptr);
  RMW_CKPT_CHECK_OURS(context, nullptr);
  RMW_CHECK_ARGUMENT_FOR_NULL(context->impl, nullptr);
  RMW_CKPT_REFUSE_FORKED(nullptr);
  return rmw_ckpt::guarded(
      "cannot create the guard condition", static_cast<rmw_guard_condition_t *>(nullptr),
      [&]() -> rmw_guard_condition_t * {
        auto guard = std::make_unique<Guard>();
        rmw_ckpt::Owned<rmw_guard_condition_t, rmw_guard_condition_free> handle(rmw_guard_condition_allocate());
        if (handle == nullptr) {
          (void)rmw_ckpt::fail_with(RMW_RET_BAD_ALLOC, "failed to allocate the guard condition");
          return nullptr;
        }
        const ckpt_code code = rmw_ckpt::core::call(rmw_ckpt::core::create_guard, context->impl->session, &guard->id);
        if (rmw_ckpt::check(code, "cannot create the guard condition") != RMW_RET_OK) {
          return nullptr;
        }
        *handle = {rmw_ckpt::identifier, guard.release(), context};
        return handle.release();
      });
}

rmw_ret_t rmw_destroy_guard_condition(rmw_guard_condition_t * guard_condition) {
  RMW_CKPT_CHECK_HANDLE(guard_condition);
  RMW_CKPT_CAN_FAIL(RMW_RET_ERROR)
  auto & guard = data_of<Guard>(guard_condition);
  const rmw_ret_t ret = rmw_ckpt::destroy(guard.id, "cannot destroy the guard condition");
  if (ret == RMW_RET_OK) {
    delete &guard;
    rmw_guard_condition_free(guard_condition);
  }
  return ret;
}

rmw_ret_t rmw_trigger_guard_condition(const rmw_guard_condition_t * guard_condition) {
  RMW_CKPT_CHECK_HANDLE(guard_condition);
  if (rmw_ckpt::in_forked_child.load(std::memory_order_relaxed)) {
    return RMW_RET_OK;
  }
  return rmw_ckpt::check(rmw_ckpt::core::call(rmw_ckpt::core::trigger, data_of<Guard>(guard_condition).id),
                         "cannot trigger the guard condition");
}

}  // extern "C"
