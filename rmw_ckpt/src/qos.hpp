// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// QoS profiles: rmw's, with their defaults and wishes, to and from the core's, which are concrete.
#ifndef QOS_HPP_
#define QOS_HPP_

#include <rmw/types.h>

#include "common.hpp"

namespace rmw_ckpt {

/// RMW_RET_INVALID_ARGUMENT with the error set when a policy is unknown or not one that can be asked for.
rmw_ret_t check_qos(const rmw_qos_profile_t & profile);

/// Replaces system_default, best_available and unspecified values. `kind` and `topic` are for best_available, which
/// looks at the endpoints that are on the topic now. May throw std::bad_alloc.
rmw_ret_t resolve_qos(const rmw_qos_profile_t & wanted, ckpt_id session, ckpt_kind kind, const char * topic,
                      rmw_qos_profile_t * resolved);

/// Of a resolved profile.
ckpt_qos to_core(const rmw_qos_profile_t & profile);

rmw_qos_profile_t from_core(const ckpt_qos & qos);

}  // namespace rmw_ckpt

#endif  // QOS_HPP_
