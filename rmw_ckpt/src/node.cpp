// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <rmw/validate_namespace.h>
#include <rmw/validate_node_name.h>

#include "entities.hpp"
#include "names.hpp"
#include "process.hpp"
#include "timers.hpp"

using rmw_ckpt::data_of;
using rmw_ckpt::fail_with;
using rmw_ckpt::identifier;
using rmw_ckpt::Node;

namespace {

rmw_node_t * create_node(rmw_context_t * context, const char * name, const char * name_space) {
  auto node = std::make_unique<Node>();
  rmw_ckpt::Owned<rmw_node_t, rmw_node_free> handle(rmw_node_allocate());
  if (handle == nullptr) {
    (void)fail_with(RMW_RET_BAD_ALLOC, "failed to allocate the node");
    return nullptr;
  }
  auto own_name = rmw_ckpt::duplicate(name);
  auto own_name_space = rmw_ckpt::duplicate(name_space);
  if (own_name == nullptr || own_name_space == nullptr) {
    return nullptr;
  }
  RMW_CKPT_CAN_FAIL(nullptr)
  rmw_ret_t ret = rmw_ckpt::check(rmw_ckpt::core::call(rmw_ckpt::core::create_node, context->impl->session, name,
                                                       name_space, context->options.enclave, &node->id),
                                  "cannot create the node");
  if (ret != RMW_RET_OK) {
    return nullptr;
  }
  ret = rmw_ckpt::check(rmw_ckpt::core::call(rmw_ckpt::core::node_graph_guard, node->id, &node->graph_guard_data.id),
                        "cannot create the node");
  if (ret != RMW_RET_OK) {
    (void)rmw_ckpt::core::call(rmw_ckpt::core::destroy, node->id);
    return nullptr;
  }
  node->graph_guard = {identifier, &node->graph_guard_data, context};
  *handle = {identifier, node.release(), own_name.release(), own_name_space.release(), context};
  ++context->impl->nodes;
  return handle.release();
}

}  // namespace

extern "C" {

rmw_node_t * rmw_create_node(rmw_context_t * context, const char * name, const char * namespace_) {
  RMW_CHECK_ARGUMENT_FOR_NULL(context, nullptr);
  RMW_CKPT_CHECK_OURS(context, nullptr);
  RMW_CHECK_ARGUMENT_FOR_NULL(context->impl, nullptr);
  if (context->impl->is_shut_down) {
    (void)fail_with(RMW_RET_ERROR, "the context has been shut down");
    return nullptr;
  }
  RMW_CKPT_REFUSE_FORKED(nullptr);
  // A component's library is loaded before its first node is made.
  rmw_ckpt::redirect_timers();
  if (rmw_ckpt::check_node_name(name, namespace_) != RMW_RET_OK) {
    return nullptr;
  }
  return rmw_ckpt::guarded("cannot create the node", static_cast<rmw_node_t *>(nullptr),
                           [&] { return create_node(context, name, namespace_); });
}

rmw_ret_t rmw_destroy_node(rmw_node_t * node) {
  RMW_CKPT_CHECK_HANDLE(node);
  auto & data = data_of<Node>(node);
  const rmw_ret_t ret = rmw_ckpt::destroy(data.id, "cannot destroy the node");
  if (ret != RMW_RET_OK) {
    return ret;
  }
  --node->context->impl->nodes;
  delete &data;
  rmw_free(const_cast<char *>(node->name));
  rmw_free(const_cast<char *>(node->namespace_));
  rmw_node_free(node);
  return RMW_RET_OK;
}

const rmw_guard_condition_t * rmw_node_get_graph_guard_condition(const rmw_node_t * node) {
  RMW_CHECK_ARGUMENT_FOR_NULL(node, nullptr);
  RMW_CKPT_CHECK_OURS(node, nullptr);
  return &data_of<Node>(node).graph_guard;
}

}  // extern "C"
