// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// The rows of the graph, as the core shows them.
#ifndef GRAPH_HPP_
#define GRAPH_HPP_

#include <cstring>
#include <memory>

#include "common.hpp"

namespace rmw_ckpt {

class Graph {
 public:
  /// Takes all rows at one version of the graph. May throw std::bad_alloc.
  rmw_ret_t read(ckpt_id session);

  struct Rows {
    const ckpt_graph_entry * first;
    size_t count;
    const ckpt_graph_entry * begin() const { return first; }
    const ckpt_graph_entry * end() const { return first + count; }
  };
  Rows rows() const { return {rows_.get(), count_}; }

  /// The node that an endpoint belongs to, or NULL.
  const ckpt_graph_entry * node_of(const ckpt_graph_entry & endpoint) const;

 private:
  std::unique_ptr<ckpt_graph_entry[]> rows_;
  size_t count_ = 0;
};

inline bool has_name(const ckpt_graph_entry & row, const char * name) {
  return std::strncmp(row.name, name, sizeof(row.name)) == 0;
}

/// Rows of nodes keep the namespace where those of endpoints keep the type.
inline bool is_node(const ckpt_graph_entry & row, const char * name, const char * name_space) {
  return row.kind == CKPT_NODE && has_name(row, name) && std::strncmp(row.type, name_space, sizeof(row.type)) == 0;
}

}  // namespace rmw_ckpt

#endif  // GRAPH_HPP_
