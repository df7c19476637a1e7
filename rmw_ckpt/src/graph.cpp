// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Nodes of the graph, and what all queries share.
#include "graph.hpp"

#include <rcutils/types/string_array.h>
#include <rmw/rmw.h>
#include <rmw/sanity_checks.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "entities.hpp"
#include "process.hpp"

namespace rmw_ckpt {

rmw_ret_t Graph::read(ckpt_id session) {
  // How many there were last time: a graph of thousands is copied once, into memory that nobody has cleared before.
  static std::atomic<size_t> usual{32};
  for (size_t capacity = usual.load(std::memory_order_relaxed);;) {
    rows_.reset(new ckpt_graph_entry[capacity]);
    const rmw_ret_t ret = check(rmw_ckpt::core::call(rmw_ckpt::core::graph, session, rows_.get(), capacity, &count_),
                                "cannot read the graph");
    if (ret != RMW_RET_OK) {
      count_ = 0;
      return ret;
    }
    if (count_ <= capacity) {
      return RMW_RET_OK;
    }
    // With room for those that appear meanwhile.
    capacity = count_ + count_ / 4 + 8;
    usual.store(capacity, std::memory_order_relaxed);
  }
}

const ckpt_graph_entry * Graph::node_of(const ckpt_graph_entry & endpoint) const {
  const Rows all = rows();
  const auto found = std::find_if(all.begin(), all.end(), [&](const ckpt_graph_entry & row) {
    return row.kind == CKPT_NODE && row.process == endpoint.process && row.entity == endpoint.node;
  });
  return found == all.end() ? nullptr : found;
}

namespace {

/// A string array that is freed unless it is handed on.
class StringArray {
 public:
  StringArray() : array_(rcutils_get_zero_initialized_string_array()) {}
  ~StringArray() { ignore(rcutils_string_array_fini(&array_)); }
  StringArray(const StringArray &) = delete;
  StringArray & operator=(const StringArray &) = delete;

  rmw_ret_t allocate(size_t size) {
    const auto allocator = rcutils_get_default_allocator();
    return rcutils_string_array_init(&array_, size, &allocator) == RCUTILS_RET_OK
               ? RMW_RET_OK
               : fail_with(RMW_RET_BAD_ALLOC, "failed to allocate an array of names");
  }

  rmw_ret_t set(size_t index, const char * text) {
    array_.data[index] = duplicate(text).release();
    return array_.data[index] != nullptr ? RMW_RET_OK : RMW_RET_BAD_ALLOC;
  }

  void hand_to(rcutils_string_array_t * target) {
    *target = array_;
    array_ = rcutils_get_zero_initialized_string_array();
  }

 private:
  rcutils_string_array_t array_;
};

rmw_ret_t node_names(const rmw_node_t * node, rcutils_string_array_t * names, rcutils_string_array_t * name_spaces,
                     rcutils_string_array_t * enclaves) {
  Graph graph;
  rmw_ret_t ret = graph.read(node->context->impl->session);
  if (ret != RMW_RET_OK) {
    return ret;
  }
  std::vector<const ckpt_graph_entry *> nodes;
  for (const auto & row : graph.rows()) {
    if (row.kind == CKPT_NODE) {
      nodes.push_back(&row);
    }
  }
  StringArray found_names;
  StringArray found_name_spaces;
  StringArray found_enclaves;
  for (StringArray * array : {&found_names, &found_name_spaces, &found_enclaves}) {
    if ((ret = array->allocate(nodes.size())) != RMW_RET_OK) {
      return ret;
    }
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    if ((ret = found_names.set(i, nodes[i]->name)) != RMW_RET_OK ||
        (ret = found_name_spaces.set(i, nodes[i]->type)) != RMW_RET_OK ||
        (ret = found_enclaves.set(i, nodes[i]->enclave)) != RMW_RET_OK) {
      return ret;
    }
  }
  found_names.hand_to(names);
  found_name_spaces.hand_to(name_spaces);
  if (enclaves != nullptr) {
    found_enclaves.hand_to(enclaves);
  }
  return RMW_RET_OK;
}

}  // namespace
}  // namespace rmw_ckpt

extern "C" {

rmw_ret_t rmw_get_node_names(const rmw_node_t * node, rcutils_string_array_t * node_names,
                             rcutils_string_array_t * node_namespaces) {
  RMW_CKPT_CHECK_HANDLE(node);
  if (rmw_check_zero_rmw_string_array(node_names) != RMW_RET_OK ||
      rmw_check_zero_rmw_string_array(node_namespaces) != RMW_RET_OK) {
    return RMW_RET_INVALID_ARGUMENT;
  }
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  return rmw_ckpt::guarded("cannot list the nodes",
                           [&] { return rmw_ckpt::node_names(node, node_names, node_namespaces, nullptr); });
}

rmw_ret_t rmw_get_node_names_with_enclaves(const rmw_node_t * node, rcutils_string_array_t * node_names,
                                           rcutils_string_array_t * node_namespaces,
                                           rcutils_string_array_t * enclaves) {
  RMW_CKPT_CHECK_HANDLE(node);
  if (rmw_check_zero_rmw_string_array(node_names) != RMW_RET_OK ||
      rmw_check_zero_rmw_string_array(node_namespaces) != RMW_RET_OK ||
      rmw_check_zero_rmw_string_array(enclaves) != RMW_RET_OK) {
    return RMW_RET_INVALID_ARGUMENT;
  }
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  return rmw_ckpt::guarded("cannot list the nodes",
                           [&] { return rmw_ckpt::node_names(node, node_names, node_namespaces, enclaves); });
}

}  // extern "C"
