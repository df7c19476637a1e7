// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include <rmw/get_node_info_and_types.h>
#include <rmw/get_service_names_and_types.h>
#include <rmw/get_topic_endpoint_info.h>
#include <rmw/get_topic_names_and_types.h>
#include <rmw/names_and_types.h>
#include <test_msgs/msg/basic_types.h>
#include <test_msgs/srv/basic_types.h>

#include <cstring>
#include <rosidl_typesupport_cpp/message_type_support.hpp>
#include <test_msgs/msg/basic_types.hpp>

#include "distro.hpp"
#include "fixture.hpp"
#if RMW_CKPT_HAS_SERVICE_ENDPOINTS
#include <rmw/get_service_endpoint_info.h>
#endif

namespace {

const auto * const type = rosidl_typesupport_cpp::get_message_type_support_handle<test_msgs::msg::BasicTypes>();
const auto * const service_type = ROSIDL_GET_SRV_TYPE_SUPPORT(test_msgs, srv, BasicTypes);

class GraphQueries : public Fixture {
 protected:
  void SetUp() override {
    Fixture::SetUp();
    const rmw_publisher_options_t options = rmw_get_default_publisher_options();
    publisher = rmw_create_publisher(node, type, "/topic", &rmw_qos_profile_sensor_data, &options);
    service = rmw_create_service(node, service_type, "/serve", &rmw_qos_profile_services_default);
    ASSERT_TRUE(publisher != nullptr && service != nullptr) << rmw_get_error_string().str;
    size_t count = 0;
    ASSERT_TRUE(eventually([&] { return rmw_count_services(node, "/serve", &count) == RMW_RET_OK && count == 1; }));
  }

  void TearDown() override {
    EXPECT_RMW_OK(rmw_destroy_service(node, service));
    EXPECT_RMW_OK(rmw_destroy_publisher(node, publisher));
    Fixture::TearDown();
  }

  /// "name:type" of all that a query finds.
  template <class Query>
  std::string found(Query && query) {
    rmw_names_and_types_t result = rmw_get_zero_initialized_names_and_types();
    EXPECT_RMW_OK(query(&result));
    std::string text;
    for (size_t i = 0; i < result.names.size; ++i) {
      for (size_t j = 0; j < result.types[i].size; ++j) {
        text += std::string(result.names.data[i]) + ":" + result.types[i].data[j] + " ";
      }
    }
    EXPECT_RMW_OK(rmw_names_and_types_fini(&result));
    return text;
  }

  rcutils_allocator_t allocator = rcutils_get_default_allocator();
  rmw_publisher_t * publisher = nullptr;
  rmw_service_t * service = nullptr;
};

TEST_F(GraphQueries, NamesAndTypes) {
  EXPECT_EQ("/topic:test_msgs/msg/BasicTypes ",
            found([&](auto * result) { return rmw_get_topic_names_and_types(node, &allocator, false, result); }));
  EXPECT_EQ("/serve:test_msgs/srv/BasicTypes ",
            found([&](auto * result) { return rmw_get_service_names_and_types(node, &allocator, result); }));
  EXPECT_EQ("/topic:test_msgs/msg/BasicTypes ", found([&](auto * result) {
              return rmw_get_publisher_names_and_types_by_node(node, &allocator, "tester", "/shim", false, result);
            }));
  EXPECT_EQ("/serve:test_msgs/srv/BasicTypes ", found([&](auto * result) {
              return rmw_get_service_names_and_types_by_node(node, &allocator, "tester", "/shim", result);
            }));
  EXPECT_EQ("", found([&](auto * result) {
              return rmw_get_client_names_and_types_by_node(node, &allocator, "tester", "/shim", result);
            }));
  rmw_names_and_types_t result = rmw_get_zero_initialized_names_and_types();
  EXPECT_RMW_FAILS(RMW_RET_NODE_NAME_NON_EXISTENT,
                   rmw_get_subscriber_names_and_types_by_node(node, &allocator, "nobody", "/shim", false, &result));
}

TEST_F(GraphQueries, Counts) {
  size_t count = 9;
  EXPECT_RMW_OK(rmw_count_publishers(node, "/topic", &count));
  EXPECT_EQ(1u, count);
  EXPECT_RMW_OK(rmw_count_subscribers(node, "/topic", &count));
  EXPECT_EQ(0u, count);
  EXPECT_RMW_OK(rmw_count_clients(node, "/serve", &count));
  EXPECT_EQ(0u, count);
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_count_publishers(node, "bad name", &count));
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_count_publishers(node, "/topic", nullptr));
}

TEST_F(GraphQueries, Nodes) {
  rcutils_string_array_t names = rcutils_get_zero_initialized_string_array();
  rcutils_string_array_t name_spaces = rcutils_get_zero_initialized_string_array();
  rcutils_string_array_t enclaves = rcutils_get_zero_initialized_string_array();
  EXPECT_RMW_OK(rmw_get_node_names_with_enclaves(node, &names, &name_spaces, &enclaves));
  ASSERT_EQ(1u, names.size);
  EXPECT_STREQ("tester", names.data[0]);
  EXPECT_STREQ("/shim", name_spaces.data[0]);
  EXPECT_STREQ("/", enclaves.data[0]);
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_get_node_names(node, &names, &name_spaces));
  for (auto * array : {&names, &name_spaces, &enclaves}) {
    EXPECT_EQ(RCUTILS_RET_OK, rcutils_string_array_fini(array));
  }
}

TEST_F(GraphQueries, Endpoints) {
  rmw_topic_endpoint_info_array_t infos = rmw_get_zero_initialized_topic_endpoint_info_array();
  EXPECT_RMW_OK(rmw_get_publishers_info_by_topic(node, &allocator, "/topic", false, &infos));
  ASSERT_EQ(1u, infos.size);
  const auto & info = infos.info_array[0];
  EXPECT_STREQ("tester", info.node_name);
  EXPECT_STREQ("/shim", info.node_namespace);
  EXPECT_STREQ("test_msgs/msg/BasicTypes", info.topic_type);
  EXPECT_EQ(0, std::memcmp(type->get_type_hash_func(type), &info.topic_type_hash, sizeof(info.topic_type_hash)));
  EXPECT_EQ(RMW_ENDPOINT_PUBLISHER, info.endpoint_type);
  EXPECT_EQ(RMW_QOS_POLICY_RELIABILITY_BEST_EFFORT, info.qos_profile.reliability);
  EXPECT_EQ(5u, info.qos_profile.depth);
  rmw_gid_t gid{};
  EXPECT_RMW_OK(rmw_get_gid_for_publisher(publisher, &gid));
  EXPECT_EQ(0, std::memcmp(gid.data, info.endpoint_gid, sizeof(info.endpoint_gid)));
  EXPECT_RMW_OK(rmw_topic_endpoint_info_array_fini(&infos, &allocator));
  EXPECT_RMW_OK(rmw_get_subscriptions_info_by_topic(node, &allocator, "/topic", false, &infos));
  EXPECT_EQ(0u, infos.size);
}

#if RMW_CKPT_HAS_SERVICE_ENDPOINTS
TEST_F(GraphQueries, ServiceEndpoints) {
  rmw_service_endpoint_info_array_t infos = rmw_get_zero_initialized_service_endpoint_info_array();
  EXPECT_RMW_OK(rmw_get_clients_info_by_service(node, &allocator, "/serve", false, &infos));
  EXPECT_EQ(0u, infos.size);
  EXPECT_RMW_OK(rmw_get_servers_info_by_service(node, &allocator, "/serve", false, &infos));
  ASSERT_EQ(1u, infos.size);
  const auto & info = infos.info_array[0];
  EXPECT_STREQ("tester", info.node_name);
  EXPECT_STREQ("/shim", info.node_namespace);
  EXPECT_STREQ("test_msgs/srv/BasicTypes", info.service_type);
  EXPECT_EQ(RMW_ENDPOINT_SERVER, info.endpoint_type);
  ASSERT_EQ(1u, info.endpoint_count);
  EXPECT_EQ(rmw_qos_profile_services_default.depth, info.qos_profiles[0].depth);
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT,
                   rmw_get_servers_info_by_service(node, &allocator, "bad name", false, &infos));
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT,
                   rmw_get_servers_info_by_service(node, &allocator, "/serve", false, &infos));
  EXPECT_RMW_OK(rmw_service_endpoint_info_array_fini(&infos, &allocator));
}
#endif

TEST_F(GraphQueries, GuardConditionTellsOfChanges) {
  const rmw_guard_condition_t * const guard = rmw_node_get_graph_guard_condition(node);
  ASSERT_NE(nullptr, guard);
  rmw_wait_set_t * const set = rmw_create_wait_set(&context, 1);
  const auto changed = [&](const rmw_time_t & timeout) {
    void * item = guard->data;
    rmw_guard_conditions_t guards = {1, &item};
    return rmw_wait(nullptr, &guards, nullptr, nullptr, nullptr, set, &timeout);
  };
  while (changed({0, 100'000'000}) == RMW_RET_OK) {
  }
  rmw_node_t * const other = rmw_create_node(&context, "other", "/");
  ASSERT_NE(nullptr, other);
  EXPECT_RMW_OK(changed({10, 0}));
  EXPECT_RMW_OK(rmw_destroy_node(other));
  EXPECT_RMW_OK(changed({10, 0}));
  EXPECT_RMW_OK(rmw_destroy_wait_set(set));
}

}  // namespace
