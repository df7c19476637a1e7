// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What rmw's lists of endpoints have in common, be they of a topic or of a service.
#ifndef GRAPH_INFO_HPP_
#define GRAPH_INFO_HPP_

#include <rmw/types.h>
#include <rosidl_runtime_c/type_hash.h>

#include <vector>

#include "entities.hpp"
#include "graph.hpp"
#include "names.hpp"
#include "process.hpp"
#include "qos.hpp"

namespace rmw_ckpt {

/// What rmw wants to know of an endpoint. Its texts live as long as the graph.
struct EndpointFacts {
  const char * node_name = "_NODE_NAME_UNKNOWN_";
  const char * node_namespace = "_NODE_NAMESPACE_UNKNOWN_";
  const char * type;
  rosidl_type_hash_t hash{};
  uint8_t gid[RMW_GID_STORAGE_SIZE] = {};
  rmw_qos_profile_t qos;

  EndpointFacts(const Graph & graph, const ckpt_graph_entry & row) : type(row.type), qos(from_core(row.qos)) {
    // The node's row comes first and goes last; both are looked at in one version of the graph, but take no chances.
    if (const ckpt_graph_entry * const node = graph.node_of(row)) {
      node_name = node->name;
      node_namespace = node->type;
    }
    if ((row.flags & 1) != 0) {
      static_assert(sizeof(hash) == CKPT_TYPE_HASH_SIZE);
      std::memcpy(&hash, row.type_hash, sizeof(hash));
    }
    static_assert(sizeof(gid) >= sizeof(row.gid));
    std::memcpy(gid, row.gid, sizeof(row.gid));
  }
};

/// rmw's functions for one kind of list, under one set of names.
template <class Array_, auto InitWithSize, auto Fini, auto CheckZero, auto ZeroInfo>
struct InfoList {
  using Array = Array_;

  /// Fills `infos`, which must be zero, by describe(facts, allocator, &info) for each endpoint of `kind` on `name`.
  template <class Describe>
  static rmw_ret_t of(const rmw_node_t * node, rcutils_allocator_t * allocator, const char * name, bool no_mangle,
                      const char * what, ckpt_kind kind, Array * infos, Describe && describe) {
    RMW_CKPT_CHECK_HANDLE(node);
    RCUTILS_CHECK_ALLOCATOR(allocator, return fail_with(RMW_RET_INVALID_ARGUMENT, "allocator argument is invalid"));
    const rmw_ret_t invalid = check_full_name(name, no_mangle, what);
    if (invalid != RMW_RET_OK) {
      return invalid;
    }
    if (CheckZero(infos) != RMW_RET_OK) {
      return RMW_RET_INVALID_ARGUMENT;
    }
    RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
    return guarded("cannot list endpoints",
                   [&] { return fill(node->context->impl->session, kind, name, allocator, infos, describe); });
  }

 private:
  template <class Describe>
  static rmw_ret_t fill(ckpt_id session, ckpt_kind kind, const char * name, rcutils_allocator_t * allocator,
                        Array * infos, Describe && describe) {
    Graph graph;
    rmw_ret_t ret = graph.read(session);
    if (ret != RMW_RET_OK) {
      return ret;
    }
    std::vector<const ckpt_graph_entry *> found;
    for (const auto & row : graph.rows()) {
      if (row.kind == kind && has_name(row, name)) {
        found.push_back(&row);
      }
    }
    if (found.empty()) {
      return RMW_RET_OK;
    }
    Array filled{};
    ret = InitWithSize(&filled, found.size(), allocator);
    for (size_t i = 0; ret == RMW_RET_OK && i < found.size(); ++i) {
      filled.info_array[i] = ZeroInfo();
    }
    for (size_t i = 0; ret == RMW_RET_OK && i < found.size(); ++i) {
      ret = describe(EndpointFacts(graph, *found[i]), allocator, &filled.info_array[i]);
      if (ret != RMW_RET_OK) {
        ignore(Fini(&filled, allocator));
      }
    }
    if (ret == RMW_RET_OK) {
      *infos = filled;
    }
    return ret;
  }
};

/// The first of these calls that fails.
template <class... Calls>
rmw_ret_t first_failure(Calls &&... calls) {
  rmw_ret_t ret = RMW_RET_OK;
  (void)((ret = calls(), ret == RMW_RET_OK) && ...);
  return ret;
}

}  // namespace rmw_ckpt

#endif  // GRAPH_INFO_HPP_
