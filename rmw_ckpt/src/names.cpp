// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "names.hpp"

#include <rmw/validate_full_topic_name.h>
#include <rmw/validate_namespace.h>
#include <rmw/validate_node_name.h>

#include <cstdio>
#include <cstring>

namespace rmw_ckpt {

namespace {

rmw_ret_t invalid(const char * what, const char * name, const char * reason) {
  char message[512];
  std::snprintf(message, sizeof(message), "invalid %s '%.255s': %s", what, name, reason);
  return fail_with(RMW_RET_INVALID_ARGUMENT, message);
}

rmw_ret_t null(const char * what) {
  char message[64];
  std::snprintf(message, sizeof(message), "the %s is null", what);
  return fail_with(RMW_RET_INVALID_ARGUMENT, message);
}

}  // namespace

rmw_ret_t check_node_name(const char * name, const char * name_space) {
  if (name == nullptr) {
    return null("node name");
  }
  if (name_space == nullptr) {
    return null("node namespace");
  }
  int result = 0;
  rmw_ret_t ret = rmw_validate_node_name(name, &result, nullptr);
  if (ret != RMW_RET_OK) {
    return ret;
  }
  if (result != RMW_NODE_NAME_VALID) {
    return invalid("node name", name, rmw_node_name_validation_result_string(result));
  }
  result = 0;
  ret = rmw_validate_namespace(name_space, &result, nullptr);
  if (ret != RMW_RET_OK) {
    return ret;
  }
  if (result != RMW_NAMESPACE_VALID) {
    return invalid("node namespace", name_space, rmw_namespace_validation_result_string(result));
  }
  return RMW_RET_OK;
}

rmw_ret_t check_full_name(const char * name, bool free_form, const char * what) {
  if (name == nullptr) {
    return null(what);
  }
  if (name[0] == '\0') {
    return invalid(what, name, "it is empty");
  }
  if (free_form) {
    return std::strlen(name) < sizeof(ckpt_graph_entry::name) ? RMW_RET_OK : invalid(what, name, "it is too long");
  }
  int result = 0;
  const rmw_ret_t ret = rmw_validate_full_topic_name(name, &result, nullptr);
  if (ret != RMW_RET_OK) {
    return ret;
  }
  return result == RMW_TOPIC_VALID ? RMW_RET_OK
                                   : invalid(what, name, rmw_full_topic_name_validation_result_string(result));
}

}  // namespace rmw_ckpt
