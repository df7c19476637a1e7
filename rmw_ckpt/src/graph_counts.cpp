// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Counts, which must not allocate.
#include <rmw/rmw.h>

#include "distro.hpp"
#include "entities.hpp"
#include "names.hpp"
#include "process.hpp"

using rmw_ckpt::data_of;

namespace {

rmw_ret_t count_on(const rmw_node_t * node, ckpt_kind kind, const char * name, const char * what, size_t * count) {
  RMW_CKPT_CHECK_HANDLE(node);
  const rmw_ret_t ret = rmw_ckpt::check_full_name(name, false, what);
  if (ret != RMW_RET_OK) {
    return ret;
  }
  RMW_CHECK_ARGUMENT_FOR_NULL(count, RMW_RET_INVALID_ARGUMENT);
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  return rmw_ckpt::check(rmw_ckpt::core::call(rmw_ckpt::core::count, node->context->impl->session, kind, name, count),
                         "cannot count in the graph");
}

rmw_ret_t count_matched(ckpt_id id, size_t * count) {
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  return rmw_ckpt::check(rmw_ckpt::core::call(rmw_ckpt::core::matched, id, count),
                         "cannot count the matched endpoints");
}

}  // namespace

extern "C" {

rmw_ret_t rmw_count_publishers(const rmw_node_t * node, const char * topic_name, size_t * count) {
  return count_on(node, CKPT_PUBLISHER, topic_name, "topic name", count);
}

rmw_ret_t rmw_count_subscribers(const rmw_node_t * node, const char * topic_name, size_t * count) {
  return count_on(node, CKPT_SUBSCRIPTION, topic_name, "topic name", count);
}

rmw_ret_t rmw_count_clients(const rmw_node_t * node, const char * service_name, size_t * count) {
  return count_on(node, CKPT_CLIENT, service_name, "service name", count);
}

rmw_ret_t rmw_count_services(const rmw_node_t * node, const char * service_name, size_t * count) {
  return count_on(node, CKPT_SERVICE, service_name, "service name", count);
}

rmw_ret_t rmw_publisher_count_matched_subscriptions(const rmw_publisher_t * publisher, size_t * subscription_count) {
  RMW_CKPT_CHECK_HANDLE(publisher);
  RMW_CHECK_ARGUMENT_FOR_NULL(subscription_count, RMW_RET_INVALID_ARGUMENT);
  return count_matched(data_of<rmw_ckpt::Entity>(publisher).id, subscription_count);
}

rmw_ret_t rmw_subscription_count_matched_publishers(const rmw_subscription_t * subscription, size_t * publisher_count) {
  RMW_CKPT_CHECK_HANDLE(subscription);
  RMW_CHECK_ARGUMENT_FOR_NULL(publisher_count, RMW_RET_INVALID_ARGUMENT);
  return count_matched(data_of<rmw_ckpt::Entity>(subscription).id, publisher_count);
}

rmw_ret_t rmw_service_server_is_available(const rmw_node_t * node, const rmw_client_t * client, bool * is_available) {
  RMW_CHECK_ARGUMENT_FOR_NULL(node, rmw_ckpt::distro::null_argument);
  RMW_CKPT_CHECK_OURS(node, RMW_RET_INCORRECT_RMW_IMPLEMENTATION);
  RMW_CHECK_ARGUMENT_FOR_NULL(client, rmw_ckpt::distro::null_argument);
  RMW_CKPT_CHECK_OURS(client, RMW_RET_INCORRECT_RMW_IMPLEMENTATION);
  RMW_CHECK_ARGUMENT_FOR_NULL(is_available, rmw_ckpt::distro::null_argument);
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  uint8_t available = 0;
  const ckpt_code code =
      rmw_ckpt::core::call(rmw_ckpt::core::service_available, data_of<rmw_ckpt::Entity>(client).id, &available);
  if (code != CKPT_OK) {
    return rmw_ckpt::fail(code, "cannot look for the service");
  }
  *is_available = available != 0;
  return RMW_RET_OK;
}

}  // extern "C"
