// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Who serves and who calls a service, where the distro asks for it.
#include "distro.hpp"

#if RMW_CKPT_HAS_SERVICE_ENDPOINTS
#include <rmw/get_service_endpoint_info.h>
#include <rmw/service_endpoint_info_array.h>

#include "graph_info.hpp"

using rmw_ckpt::EndpointFacts;

namespace {

using Services = rmw_ckpt::InfoList<rmw_service_endpoint_info_array_t, rmw_service_endpoint_info_array_init_with_size,
                                    rmw_service_endpoint_info_array_fini, rmw_service_endpoint_info_array_check_zero,
                                    rmw_get_zero_initialized_service_endpoint_info>;

rmw_ret_t endpoints_of(const rmw_node_t * node, rcutils_allocator_t * allocator, const char * service, bool no_mangle,
                       ckpt_kind kind, rmw_service_endpoint_info_array_t * infos) {
  const auto type = kind == CKPT_SERVICE ? RMW_ENDPOINT_SERVER : RMW_ENDPOINT_CLIENT;
  return Services::of(
      node, allocator, service, no_mangle, "service name", kind, infos,
      [type](const EndpointFacts & facts, rcutils_allocator_t * memory, rmw_service_endpoint_info_t * info) {
        // A service is one thing here, not a topic for requests and one for replies.
        constexpr size_t one = 1;
        return rmw_ckpt::first_failure(
            [&] { return rmw_service_endpoint_info_set_node_name(info, facts.node_name, memory); },
            [&] { return rmw_service_endpoint_info_set_node_namespace(info, facts.node_namespace, memory); },
            [&] { return rmw_service_endpoint_info_set_service_type(info, facts.type, memory); },
            [&] { return rmw_service_endpoint_info_set_service_type_hash(info, &facts.hash); },
            [&] { return rmw_service_endpoint_info_set_endpoint_type(info, type); },
            [&] { return rmw_service_endpoint_info_set_endpoint_count(info, one); },
            [&] { return rmw_service_endpoint_info_set_gids(info, facts.gid, one, sizeof(facts.gid), memory); },
            [&] { return rmw_service_endpoint_info_set_qos_profiles(info, &facts.qos, one, memory); });
      });
}

}  // namespace

extern "C" {

rmw_ret_t rmw_get_clients_info_by_service(const rmw_node_t * node, rcutils_allocator_t * allocator,
                                          const char * service_name, bool no_mangle,
                                          rmw_service_endpoint_info_array_t * clients_info) {
  return endpoints_of(node, allocator, service_name, no_mangle, CKPT_CLIENT, clients_info);
}

rmw_ret_t rmw_get_servers_info_by_service(const rmw_node_t * node, rcutils_allocator_t * allocator,
                                          const char * service_name, bool no_mangle,
                                          rmw_service_endpoint_info_array_t * servers_info) {
  return endpoints_of(node, allocator, service_name, no_mangle, CKPT_SERVICE, servers_info);
}

}  // extern "C"
#endif
