// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <cstring>

#include "entities.hpp"
#include "process.hpp"

namespace {

rmw_ret_t get_gid(ckpt_id id, rmw_gid_t * gid) {
  static_assert(RMW_GID_STORAGE_SIZE >= CKPT_GID_SIZE);
  RMW_CKPT_REFUSE_FORKED(RMW_RET_ERROR);
  rmw_gid_t found{};
  found.implementation_identifier = rmw_ckpt::identifier;
  const rmw_ret_t ret =
      rmw_ckpt::check(rmw_ckpt::core::call(rmw_ckpt::core::gid, id, found.data), "cannot get the gid");
  if (ret == RMW_RET_OK) {
    *gid = found;
  }
  return ret;
}

}  // namespace

extern "C" {

rmw_ret_t rmw_get_gid_for_publisher(const rmw_publisher_t * publisher, rmw_gid_t * gid) {
  RMW_CKPT_CHECK_HANDLE(publisher);
  RMW_CHECK_ARGUMENT_FOR_NULL(gid, RMW_RET_INVALID_ARGUMENT);
  return get_gid(rmw_ckpt::data_of<rmw_ckpt::Entity>(publisher).id, gid);
}

rmw_ret_t rmw_get_gid_for_client(const rmw_client_t * client, rmw_gid_t * gid) {
  RMW_CKPT_CHECK_HANDLE(client);
  RMW_CHECK_ARGUMENT_FOR_NULL(gid, RMW_RET_INVALID_ARGUMENT);
  return get_gid(rmw_ckpt::data_of<rmw_ckpt::Entity>(client).id, gid);
}

rmw_ret_t rmw_compare_gids_equal(const rmw_gid_t * gid1, const rmw_gid_t * gid2, bool * result) {
  RMW_CKPT_CHECK_HANDLE(gid1);
  RMW_CKPT_CHECK_HANDLE(gid2);
  RMW_CHECK_ARGUMENT_FOR_NULL(result, RMW_RET_INVALID_ARGUMENT);
  *result = std::memcmp(gid1->data, gid2->data, CKPT_GID_SIZE) == 0;
  return RMW_RET_OK;
}

}  // extern "C"
