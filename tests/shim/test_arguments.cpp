// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Checks of arguments and identifiers: the code that comes back, the error that is set, what is left alone.
#include <rmw/get_topic_endpoint_info.h>
#include <test_msgs/msg/basic_types.h>
#include <test_msgs/srv/basic_types.h>

#include <cstring>

#include "fixture.hpp"

namespace {

const auto * const type = ROSIDL_GET_MSG_TYPE_SUPPORT(test_msgs, msg, BasicTypes);
const auto * const service_type = ROSIDL_GET_SRV_TYPE_SUPPORT(test_msgs, srv, BasicTypes);
constexpr char foreign[] = "rmw_ckpt";  // the same text at another address

class Arguments : public Fixture {
 protected:
  rmw_publisher_t * publisher(const char * topic, const rmw_qos_profile_t & qos = rmw_qos_profile_default) {
    const rmw_publisher_options_t options = rmw_get_default_publisher_options();
    return rmw_create_publisher(node, type, topic, &qos, &options);
  }
};

TEST_F(Arguments, IdentifierAndFormat) {
  EXPECT_STREQ("rmw_ckpt", rmw_get_implementation_identifier());
  EXPECT_STREQ("cdr", rmw_get_serialization_format());
  EXPECT_EQ(rmw_get_implementation_identifier(), context.implementation_identifier);
  EXPECT_EQ(rmw_get_implementation_identifier(), node->implementation_identifier);
}

TEST_F(Arguments, CreatorsRefuseBadNames) {
  for (const char * topic : {"", "relative", "/with space", "/end/", "//double", "/1digit"}) {
    EXPECT_NULL_WITH_ERROR(publisher(topic));
    EXPECT_NULL_WITH_ERROR(rmw_create_service(node, service_type, topic, &rmw_qos_profile_services_default));
    EXPECT_NULL_WITH_ERROR(rmw_create_client(node, service_type, topic, &rmw_qos_profile_services_default));
  }
  EXPECT_NULL_WITH_ERROR(publisher(nullptr));
  EXPECT_NULL_WITH_ERROR(publisher(("/" + std::string(300, 'a')).c_str()));
  EXPECT_NULL_WITH_ERROR(rmw_create_node(&context, "bad name", "/"));
  EXPECT_NULL_WITH_ERROR(rmw_create_node(&context, "name", "relative"));
  EXPECT_NULL_WITH_ERROR(rmw_create_node(&context, nullptr, "/"));
  EXPECT_NULL_WITH_ERROR(rmw_create_node(nullptr, "name", "/"));
}

TEST_F(Arguments, FreeFormNames) {
  rmw_qos_profile_t qos = rmw_qos_profile_default;
  qos.avoid_ros_namespace_conventions = true;
  rmw_publisher_t * free_form = publisher("some free name", qos);
  ASSERT_NE(nullptr, free_form) << rmw_get_error_string().str;
  EXPECT_RMW_OK(rmw_destroy_publisher(node, free_form));
  EXPECT_NULL_WITH_ERROR(publisher(std::string(256, 'a').c_str(), qos));
}

TEST_F(Arguments, CreatorsRefuseUnknownQos) {
  EXPECT_NULL_WITH_ERROR(publisher("/topic", rmw_qos_profile_unknown));
  EXPECT_NULL_WITH_ERROR(rmw_create_service(node, service_type, "/service", &rmw_qos_profile_unknown));
}

TEST_F(Arguments, ForeignTypeSupportIsNamed) {
  rosidl_message_type_support_t other = *type;
  other.typesupport_identifier = "some_other_typesupport";
  other.func = [](const rosidl_message_type_support_t *, const char *) -> const rosidl_message_type_support_t * {
    rcutils_set_error_state("no such type support", __FILE__, __LINE__);
    return nullptr;
  };
  const rmw_publisher_options_t options = rmw_get_default_publisher_options();
  EXPECT_EQ(nullptr, rmw_create_publisher(node, &other, "/topic", &rmw_qos_profile_default, &options));
  EXPECT_NE(nullptr, std::strstr(rmw_get_error_string().str, "some_other_typesupport"));
  rmw_reset_error();
}

TEST_F(Arguments, ForeignHandlesAreRefusedAndStayUsable) {
  rmw_publisher_t * ours = publisher("/topic");
  ASSERT_NE(nullptr, ours);
  const char * const identifier = ours->implementation_identifier;
  ours->implementation_identifier = foreign;
  size_t count = 77;
  rmw_gid_t gid{};
  rmw_qos_profile_t qos = rmw_qos_profile_unknown;
  EXPECT_RMW_FAILS(RMW_RET_INCORRECT_RMW_IMPLEMENTATION, rmw_publisher_count_matched_subscriptions(ours, &count));
  EXPECT_RMW_FAILS(RMW_RET_INCORRECT_RMW_IMPLEMENTATION, rmw_get_gid_for_publisher(ours, &gid));
  EXPECT_RMW_FAILS(RMW_RET_INCORRECT_RMW_IMPLEMENTATION, rmw_publisher_get_actual_qos(ours, &qos));
  EXPECT_RMW_FAILS(RMW_RET_INCORRECT_RMW_IMPLEMENTATION, rmw_publish(ours, &count, nullptr));
  EXPECT_RMW_FAILS(RMW_RET_INCORRECT_RMW_IMPLEMENTATION, rmw_destroy_publisher(node, ours));
  EXPECT_EQ(77u, count);
  EXPECT_EQ(nullptr, gid.implementation_identifier);
  ours->implementation_identifier = identifier;
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_publish(ours, nullptr, nullptr));
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_destroy_publisher(nullptr, ours));
  EXPECT_RMW_OK(rmw_destroy_publisher(node, ours));
}

TEST_F(Arguments, UnsupportedSaysSo) {
  rmw_publisher_t * ours = publisher("/topic");
  ASSERT_NE(nullptr, ours);
  size_t size = 0;
  EXPECT_RMW_FAILS(RMW_RET_UNSUPPORTED, rmw_get_serialized_message_size(type, nullptr, &size));
  EXPECT_RMW_FAILS(RMW_RET_UNSUPPORTED, rmw_init_publisher_allocation(type, nullptr, nullptr));
  rmw_event_t event = rmw_get_zero_initialized_event();
  EXPECT_RMW_FAILS(RMW_RET_UNSUPPORTED, rmw_publisher_event_init(&event, ours, RMW_EVENT_SUBSCRIPTION_MATCHED));
  EXPECT_RMW_FAILS(RMW_RET_UNSUPPORTED, rmw_publisher_event_init(&event, ours, RMW_EVENT_INVALID));
  EXPECT_EQ(nullptr, event.data);
  EXPECT_RMW_OK(rmw_destroy_publisher(node, ours));
}

TEST_F(Arguments, WaitedAndAssertedAtOnce) {
  rmw_publisher_t * ours = publisher("/topic");
  ASSERT_NE(nullptr, ours);
  EXPECT_RMW_OK(rmw_publisher_wait_for_all_acked(ours, {3600, 0}));
  EXPECT_RMW_OK(rmw_publisher_assert_liveliness(ours));
  EXPECT_RMW_OK(rmw_destroy_publisher(node, ours));
}

TEST_F(Arguments, GraphOutputsMustBeZero) {
  rcutils_allocator_t allocator = rcutils_get_default_allocator();
  rmw_topic_endpoint_info_array_t infos = rmw_get_zero_initialized_topic_endpoint_info_array();
  infos.size = 1;
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT,
                   rmw_get_publishers_info_by_topic(node, &allocator, "/topic", false, &infos));
  infos.size = 0;
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_get_publishers_info_by_topic(node, nullptr, "/topic", false, &infos));
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT,
                   rmw_get_publishers_info_by_topic(node, &allocator, nullptr, false, &infos));
}

}  // namespace
