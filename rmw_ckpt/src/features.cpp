// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <rmw/features.h>
#include <rmw/rmw.h>

#include "common.hpp"

extern "C" {

const char * rmw_get_implementation_identifier(void) {
  return rmw_ckpt::identifier;
}

bool rmw_feature_supported(rmw_feature_t feature) {
  return feature == RMW_FEATURE_MESSAGE_INFO_PUBLICATION_SEQUENCE_NUMBER;
}

rmw_ret_t rmw_set_log_severity(rmw_log_severity_t) {
  return rmw_ckpt::fail_with(RMW_RET_UNSUPPORTED, "rmw_ckpt takes its log level from RMW_CKPT_LOG_LEVEL, at the start");
}

}  // extern "C"
