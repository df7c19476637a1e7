// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Who publishes and who subscribes to a topic.
#include <rmw/get_topic_endpoint_info.h>
#include <rmw/topic_endpoint_info_array.h>

#include <vector>

#include "entities.hpp"
#include "graph.hpp"
#include "names.hpp"
#include "process.hpp"
#include "qos.hpp"

using rmw_ckpt::Graph;

namespace {

constexpr char unknown_node[] = "_NODE_NAME_UNKNOWN_";
constexpr char unknown_name_space[] = "_NODE_NAMESPACE_UNKNOWN_";

rmw_ret_t describe(const Graph & graph, const ckpt_graph_entry & row, rcutils_allocator_t * allocator,
                   rmw_topic_endpoint_info_t * info) {
  // The node's row comes first and goes last; both are looked at in one version of the graph, but take no chances.
  const ckpt_graph_entry * const node = graph.node_of(row);
  const rmw_qos_profile_t qos = rmw_ckpt::from_core(row.qos);
  rosidl_type_hash_t hash{};
  if ((row.flags & 1) != 0) {
    static_assert(sizeof(hash) == CKPT_TYPE_HASH_SIZE);
    std::memcpy(&hash, row.type_hash, sizeof(hash));
  }
  uint8_t gid[RMW_GID_STORAGE_SIZE] = {};
  static_assert(sizeof(gid) >= sizeof(row.gid));
  std::memcpy(gid, row.gid, sizeof(row.gid));
  rmw_ret_t ret = rmw_topic_endpoint_info_set_node_name(info, node != nullptr ? node->name : unknown_node, allocator);
  if (ret == RMW_RET_OK) {
    ret =
        rmw_topic_endpoint_info_set_node_namespace(info, node != nullptr ? node->type : unknown_name_space, allocator);
  }
  if (ret == RMW_RET_OK) {
    ret = rmw_topic_endpoint_info_set_topic_type(info, row.type, allocator);
  }
  if (ret == RMW_RET_OK) {
    ret = rmw_topic_endpoint_info_set_topic_type_hash(info, &hash);
  }
  if (ret == RMW_RET_OK) {
    ret = rmw_topic_endpoint_info_set_endpoint_type(
        info, row.kind == CKPT_PUBLISHER ? RMW_ENDPOINT_PUBLISHER : RMW_ENDPOINT_SUBSCRIPTION);
  }
  if (ret == RMW_RET_OK) {
    ret = rmw_topic_endpoint_info_set_gid(info, gid, sizeof(gid));
  }
  if (ret == RMW_RET_OK) {
    ret = rmw_topic_endpoint_info_set_qos_profile(info, &qos);
  }
  return ret;
}

rmw_ret_t list(ckpt_id session, ckpt_kind kind, const char * topic, rcutils_allocator_t * allocator,
               rmw_topic_endpoint_info_array_t * infos) {
  Graph graph;
  rmw_ret_t ret = graph.read(session);
  if (ret != RMW_RET_OK) {
    return ret;
  }
  std::vector<const ckpt_graph_entry *> found;
  for (const auto & row : graph.rows()) {
    if (row.kind == kind && rmw_ckpt::has_name(row, topic)) {
      found.push_back(&row);
    }
  }
  if (found.empty()) {
    return RMW_RET_OK;
  }
  rmw_topic_endpoint_info_array_t filled = rmw_get_zero_initialized_topic_endpoint_info_array();
  ret = rmw_topic_endpoint_info_array_init_with_size(&filled, found.size(), allocator);
  for (size_t i = 0; ret == RMW_RET_OK && i < found.size(); ++i) {
    filled.info_array[i] = rmw_get_zero_initialized_topic_endpoint_info();
  }
  for (size_t i = 0; ret == RMW_RET_OK && i < found.size(); ++i) {
    ret = describe(graph, *found[i], allocator, &filled.info_array[i]);
    if (ret != RMW_RET_OK) {
      rmw_ckpt::ignore(rmw_topic_endpoint_info_array_fini(&filled, allocator));
    }
  }
  if (ret == RMW_RET_OK) {
    *infos = filled;
  }
  return ret;
}

rmw_ret_t endpoints_of(const rmw_node_t * node, rcutils_allocator_t * allocator, const char * topic, bool no_mangle,
                       ckpt_kind kind, rmw_topic_endpoint_info_array_t * infos) {
  RMW_CKPT_CHECK_HANDLE(node);
  RCUTILS_CHECK_ALLOCATOR(allocator,
                          return rmw_ckpt::fail_with(RMW_RET_INVALID_ARGUMENT, "allocator argument is invalid"));
  const rmw_ret_t invalid = rmw_ckpt::check_full_name(topic, no_mangle, "topic name");
  if (invalid != RMW_RET_OK) {
    return invalid;
  }
  if (rmw_topic_endpoint_info_array_check_zero(infos) != RMW_RET_OK) {
    return RMW_RET_INVALID_ARGUMENT;
  }
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  return rmw_ckpt::guarded("cannot list the endpoints of a topic",
                           [&] { return list(node->context->impl->session, kind, topic, allocator, infos); });
}

}  // namespace

extern "C" {

rmw_ret_t rmw_get_publishers_info_by_topic(const rmw_node_t * node, rcutils_allocator_t * allocator,
                                           const char * topic_name, bool no_mangle,
                                           rmw_topic_endpoint_info_array_t * publishers_info) {
  return endpoints_of(node, allocator, topic_name, no_mangle, CKPT_PUBLISHER, publishers_info);
}

rmw_ret_t rmw_get_subscriptions_info_by_topic(const rmw_node_t * node, rcutils_allocator_t * allocator,
                                              const char * topic_name, bool no_mangle,
                                              rmw_topic_endpoint_info_array_t * subscriptions_info) {
  return endpoints_of(node, allocator, topic_name, no_mangle, CKPT_SUBSCRIPTION, subscriptions_info);
}

}  // extern "C"
