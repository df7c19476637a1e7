// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Who publishes and who subscribes to a topic.
#include <rmw/get_topic_endpoint_info.h>
#include <rmw/topic_endpoint_info_array.h>

#include "graph_info.hpp"

using rmw_ckpt::EndpointFacts;

namespace {

using Topics = rmw_ckpt::InfoList<rmw_topic_endpoint_info_array_t, rmw_topic_endpoint_info_array_init_with_size,
                                  rmw_topic_endpoint_info_array_fini, rmw_topic_endpoint_info_array_check_zero,
                                  rmw_get_zero_initialized_topic_endpoint_info>;

rmw_ret_t endpoints_of(const rmw_node_t * node, rcutils_allocator_t * allocator, const char * topic, bool no_mangle,
                       ckpt_kind kind, rmw_topic_endpoint_info_array_t * infos) {
  const auto type = kind == CKPT_PUBLISHER ? RMW_ENDPOINT_PUBLISHER : RMW_ENDPOINT_SUBSCRIPTION;
  return Topics::of(
      node, allocator, topic, no_mangle, "topic name", kind, infos,
      [type](const EndpointFacts & facts, rcutils_allocator_t * memory, rmw_topic_endpoint_info_t * info) {
        return rmw_ckpt::first_failure(
            [&] { return rmw_topic_endpoint_info_set_node_name(info, facts.node_name, memory); },
            [&] { return rmw_topic_endpoint_info_set_node_namespace(info, facts.node_namespace, memory); },
            [&] { return rmw_topic_endpoint_info_set_topic_type(info, facts.type, memory); },
            [&] { return rmw_topic_endpoint_info_set_topic_type_hash(info, &facts.hash); },
            [&] { return rmw_topic_endpoint_info_set_endpoint_type(info, type); },
            [&] { return rmw_topic_endpoint_info_set_gid(info, facts.gid, sizeof(facts.gid)); },
            [&] { return rmw_topic_endpoint_info_set_qos_profile(info, &facts.qos); });
      });
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
