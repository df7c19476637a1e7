// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Names and types of topics and services.
#include <rcutils/strdup.h>
#include <rmw/get_node_info_and_types.h>
#include <rmw/get_service_names_and_types.h>
#include <rmw/get_topic_names_and_types.h>
#include <rmw/names_and_types.h>

#include <map>
#include <set>
#include <string_view>

#include "entities.hpp"
#include "graph.hpp"
#include "names.hpp"
#include "process.hpp"

using rmw_ckpt::fail_with;
using rmw_ckpt::Graph;

namespace {

using NamesAndTypes = std::map<std::string_view, std::set<std::string_view>>;

rmw_ret_t fill(const NamesAndTypes & found, rcutils_allocator_t * allocator, rmw_names_and_types_t * result) {
  if (found.empty()) {
    return RMW_RET_OK;
  }
  rmw_names_and_types_t filled = rmw_get_zero_initialized_names_and_types();
  rmw_ret_t ret = rmw_names_and_types_init(&filled, found.size(), allocator);
  if (ret != RMW_RET_OK) {
    return ret;
  }
  const auto copy = [allocator](std::string_view text) {
    return rcutils_strndup(text.data(), text.size(), *allocator);
  };
  bool complete = true;
  size_t i = 0;
  for (const auto & [name, types] : found) {
    complete = complete && (filled.names.data[i] = copy(name)) != nullptr &&
               rcutils_string_array_init(&filled.types[i], types.size(), allocator) == RCUTILS_RET_OK;
    size_t j = 0;
    for (const auto & type : types) {
      complete = complete && (filled.types[i].data[j++] = copy(type)) != nullptr;
    }
    ++i;
  }
  if (!complete) {
    (void)fail_with(RMW_RET_BAD_ALLOC, "failed to allocate names and types");
    rmw_ckpt::ignore(rmw_names_and_types_fini(&filled));
    return RMW_RET_BAD_ALLOC;
  }
  *result = filled;
  return RMW_RET_OK;
}

/// Of all rows for which `wanted` holds.
template <class Wanted>
rmw_ret_t collect(const Graph & graph, rcutils_allocator_t * allocator, rmw_names_and_types_t * result,
                  Wanted && wanted) {
  NamesAndTypes found;
  for (const auto & row : graph.rows()) {
    if (wanted(row)) {
      found[row.name].insert(row.type);
    }
  }
  return fill(found, allocator, result);
}

rmw_ret_t check_arguments(const rmw_node_t * node, const rcutils_allocator_t * allocator,
                          rmw_names_and_types_t * result) {
  RMW_CKPT_CHECK_HANDLE(node);
  RCUTILS_CHECK_ALLOCATOR(allocator, return fail_with(RMW_RET_INVALID_ARGUMENT, "allocator argument is invalid"));
  return rmw_names_and_types_check_zero(result) == RMW_RET_OK ? RMW_RET_OK : RMW_RET_INVALID_ARGUMENT;
}

rmw_ret_t of_kinds(const rmw_node_t * node, rcutils_allocator_t * allocator, ckpt_kind one, ckpt_kind other,
                   rmw_names_and_types_t * result) {
  const rmw_ret_t invalid = check_arguments(node, allocator, result);
  if (invalid != RMW_RET_OK) {
    return invalid;
  }
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  return rmw_ckpt::guarded("cannot list names and types", [&] {
    Graph graph;
    const rmw_ret_t ret = graph.read(node->context->impl->session);
    return ret != RMW_RET_OK ? ret : collect(graph, allocator, result, [&](const ckpt_graph_entry & row) {
      return row.kind == one || row.kind == other;
    });
  });
}

rmw_ret_t by_node(const rmw_node_t * node, rcutils_allocator_t * allocator, const char * name, const char * name_space,
                  ckpt_kind kind, rmw_names_and_types_t * result) {
  RMW_CKPT_CHECK_HANDLE(node);
  rmw_ret_t invalid = rmw_ckpt::check_node_name(name, name_space);
  if (invalid == RMW_RET_OK) {
    invalid = check_arguments(node, allocator, result);
  }
  if (invalid != RMW_RET_OK) {
    return invalid;
  }
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  return rmw_ckpt::guarded("cannot list names and types of a node", [&] {
    Graph graph;
    const rmw_ret_t ret = graph.read(node->context->impl->session);
    if (ret != RMW_RET_OK) {
      return ret;
    }
    // More than one node may have the name: what any of them has counts.
    std::set<std::pair<uint32_t, uint32_t>> nodes;
    for (const auto & row : graph.rows()) {
      if (rmw_ckpt::is_node(row, name, name_space)) {
        nodes.emplace(row.process, row.entity);
      }
    }
    if (nodes.empty()) {
      return fail_with(RMW_RET_NODE_NAME_NON_EXISTENT, "no node has this name and namespace");
    }
    return collect(graph, allocator, result, [&](const ckpt_graph_entry & row) {
      return row.kind == kind && nodes.count({row.process, row.node}) != 0;
    });
  });
}

}  // namespace

extern "C" {

// Names are ROS names throughout: there is nothing to demangle, whether asked for or not.

rmw_ret_t rmw_get_topic_names_and_types(const rmw_node_t * node, rcutils_allocator_t * allocator, bool,
                                        rmw_names_and_types_t * topic_names_and_types) {
  return of_kinds(node, allocator, CKPT_PUBLISHER, CKPT_SUBSCRIPTION, topic_names_and_types);
}

rmw_ret_t rmw_get_service_names_and_types(const rmw_node_t * node, rcutils_allocator_t * allocator,
                                          rmw_names_and_types_t * service_names_and_types) {
  return of_kinds(node, allocator, CKPT_SERVICE, CKPT_CLIENT, service_names_and_types);
}

rmw_ret_t rmw_get_subscriber_names_and_types_by_node(const rmw_node_t * node, rcutils_allocator_t * allocator,
                                                     const char * node_name, const char * node_namespace, bool,
                                                     rmw_names_and_types_t * topic_names_and_types) {
  return by_node(node, allocator, node_name, node_namespace, CKPT_SUBSCRIPTION, topic_names_and_types);
}

rmw_ret_t rmw_get_publisher_names_and_types_by_node(const rmw_node_t * node, rcutils_allocator_t * allocator,
                                                    const char * node_name, const char * node_namespace, bool,
                                                    rmw_names_and_types_t * topic_names_and_types) {
  return by_node(node, allocator, node_name, node_namespace, CKPT_PUBLISHER, topic_names_and_types);
}

rmw_ret_t rmw_get_service_names_and_types_by_node(const rmw_node_t * node, rcutils_allocator_t * allocator,
                                                  const char * node_name, const char * node_namespace,
                                                  rmw_names_and_types_t * service_names_and_types) {
  return by_node(node, allocator, node_name, node_namespace, CKPT_SERVICE, service_names_and_types);
}

rmw_ret_t rmw_get_client_names_and_types_by_node(const rmw_node_t * node, rcutils_allocator_t * allocator,
                                                 const char * node_name, const char * node_namespace,
                                                 rmw_names_and_types_t * service_names_and_types) {
  return by_node(node, allocator, node_name, node_namespace, CKPT_CLIENT, service_names_and_types);
}

}  // extern "C"
