// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// The only place that knows how ROS distros differ. Tests are for what a header has, not for a version.
#ifndef DISTRO_HPP_
#define DISTRO_HPP_

#include <rmw/init_options.h>
#include <rmw/ret_types.h>

// After Kilted: rmw_get_clients_info_by_service and rmw_get_servers_info_by_service.
#if __has_include(<rmw/get_service_endpoint_info.h>)
#define RMW_CKPT_HAS_SERVICE_ENDPOINTS 1
#else
#define RMW_CKPT_HAS_SERVICE_ENDPOINTS 0
#endif

namespace rmw_ckpt::distro {

// rmw/localhost.h went away together with rmw_init_options_t::localhost_only, after Jazzy.
#if __has_include(<rmw/localhost.h>)
inline constexpr bool has_localhost_only = true;
#else
inline constexpr bool has_localhost_only = false;
#endif

/// What rmw_destroy_wait_set and rmw_service_server_is_available say to NULL: the suites of the distros disagree.
inline constexpr rmw_ret_t null_argument = has_localhost_only ? RMW_RET_ERROR : RMW_RET_INVALID_ARGUMENT;

}  // namespace rmw_ckpt::distro

#endif  // DISTRO_HPP_
