// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// QoS: what wishes turn into, what goes together; and the type description that the core is given.
#include <rmw/qos_profiles.h>
#include <rmw/time.h>
#include <test_msgs/msg/nested.h>

#include <cstring>

#include "fake_core.hpp"
#include "fixture.hpp"

namespace {

const auto * const type = ROSIDL_GET_MSG_TYPE_SUPPORT(test_msgs, msg, Nested);

class Qos : public Fixture {
 protected:
  rmw_publisher_t * publisher(const rmw_qos_profile_t & qos) {
    const rmw_publisher_options_t options = rmw_get_default_publisher_options();
    return rmw_create_publisher(node, type, "/qos", &qos, &options);
  }

  /// What a subscription with this wish gets.
  rmw_qos_profile_t resolved(const rmw_qos_profile_t & wish) {
    const rmw_subscription_options_t options = rmw_get_default_subscription_options();
    rmw_subscription_t * const subscription = rmw_create_subscription(node, type, "/qos", &wish, &options);
    rmw_qos_profile_t qos = rmw_qos_profile_unknown;
    EXPECT_NE(nullptr, subscription) << rmw_get_error_string().str;
    EXPECT_RMW_OK(rmw_subscription_get_actual_qos(subscription, &qos));
    EXPECT_RMW_OK(rmw_destroy_subscription(node, subscription));
    return qos;
  }
};

TEST_F(Qos, SystemDefaultIsMadeConcrete) {
  const rmw_qos_profile_t qos = resolved(rmw_qos_profile_system_default);
  EXPECT_EQ(RMW_QOS_POLICY_HISTORY_KEEP_LAST, qos.history);
  EXPECT_EQ(1u, qos.depth);
  EXPECT_EQ(RMW_QOS_POLICY_RELIABILITY_RELIABLE, qos.reliability);
  EXPECT_EQ(RMW_QOS_POLICY_DURABILITY_VOLATILE, qos.durability);
  EXPECT_EQ(RMW_QOS_POLICY_LIVELINESS_AUTOMATIC, qos.liveliness);
  const rmw_time_t infinite = RMW_DURATION_INFINITE;
  EXPECT_TRUE(rmw_time_equal(infinite, qos.deadline));
  EXPECT_TRUE(rmw_time_equal(infinite, qos.lifespan));
  EXPECT_TRUE(rmw_time_equal(infinite, qos.liveliness_lease_duration));
}

TEST_F(Qos, BestAvailableFollowsThePublishers) {
  EXPECT_EQ(RMW_QOS_POLICY_RELIABILITY_RELIABLE, resolved(rmw_qos_profile_best_available).reliability);
  EXPECT_EQ(RMW_QOS_POLICY_LIVELINESS_AUTOMATIC, resolved(rmw_qos_profile_best_available).liveliness);
  rmw_qos_profile_t offered = rmw_qos_profile_default;
  offered.durability = RMW_QOS_POLICY_DURABILITY_TRANSIENT_LOCAL;
  offered.deadline = {2, 0};
  rmw_publisher_t * const first = publisher(offered);
  rmw_qos_profile_t qos = resolved(rmw_qos_profile_best_available);
  EXPECT_EQ(RMW_QOS_POLICY_RELIABILITY_RELIABLE, qos.reliability);
  EXPECT_EQ(RMW_QOS_POLICY_DURABILITY_TRANSIENT_LOCAL, qos.durability);
  EXPECT_TRUE(rmw_time_equal(offered.deadline, qos.deadline));
  rmw_publisher_t * const second = publisher(rmw_qos_profile_sensor_data);
  qos = resolved(rmw_qos_profile_best_available);
  EXPECT_EQ(RMW_QOS_POLICY_RELIABILITY_BEST_EFFORT, qos.reliability);
  EXPECT_EQ(RMW_QOS_POLICY_DURABILITY_VOLATILE, qos.durability);
  EXPECT_EQ(CKPT_INFINITE, rmw_time_total_nsec(qos.deadline));
  EXPECT_RMW_OK(rmw_destroy_publisher(node, first));
  EXPECT_RMW_OK(rmw_destroy_publisher(node, second));
}

TEST_F(Qos, DescriptionIsJson) {
  rmw_publisher_t * const made = publisher(rmw_qos_profile_default);
  ASSERT_NE(nullptr, made);
  const std::string & json = fake_core::last_description;
  EXPECT_EQ(0u, json.find("{\"type_description\":{\"type_name\":\"test_msgs/msg/Nested\",\"fields\":[{\"name\":"
                          "\"basic_types_value\",\"type\":{\"type_id\":1,\"capacity\":0,\"string_capacity\":0,"
                          "\"nested_type_name\":\"test_msgs/msg/BasicTypes\"},\"default_value\":\"\"}"))
      << json;
  EXPECT_NE(std::string::npos,
            json.find("\"referenced_type_descriptions\":[{\"type_name\":\"test_msgs/msg/BasicTypes\""));
  EXPECT_RMW_OK(rmw_destroy_publisher(node, made));
}

rmw_qos_compatibility_type_t compatibility(const rmw_qos_profile_t & offered, const rmw_qos_profile_t & asked,
                                           std::string * reason = nullptr) {
  char text[2048] = "untouched";
  rmw_qos_compatibility_type_t result = RMW_QOS_COMPATIBILITY_OK;
  EXPECT_RMW_OK(rmw_qos_profile_check_compatible(offered, asked, &result, text, sizeof(text)));
  if (reason != nullptr) {
    *reason = text;
  }
  return result;
}

TEST(QosCompatibility, Verdicts) {
  // A default is settled only when the endpoint is made: nothing certain can be said of it.
  EXPECT_EQ(RMW_QOS_COMPATIBILITY_WARNING, compatibility(rmw_qos_profile_default, rmw_qos_profile_default));
  rmw_qos_profile_t reliable = rmw_qos_profile_default;
  reliable.liveliness = RMW_QOS_POLICY_LIVELINESS_AUTOMATIC;
  rmw_qos_profile_t best_effort = reliable;
  best_effort.reliability = RMW_QOS_POLICY_RELIABILITY_BEST_EFFORT;
  rmw_qos_profile_t strict = reliable;
  strict.deadline = {1, 0};
  rmw_qos_profile_t endless = reliable;
  endless.deadline = RMW_DURATION_INFINITE;
  std::string reason;
  EXPECT_EQ(RMW_QOS_COMPATIBILITY_OK, compatibility(reliable, reliable, &reason));
  EXPECT_EQ("", reason);
  EXPECT_EQ(RMW_QOS_COMPATIBILITY_ERROR, compatibility(best_effort, reliable, &reason));
  EXPECT_NE("", reason);
  EXPECT_EQ(RMW_QOS_COMPATIBILITY_OK, compatibility(reliable, best_effort));
  EXPECT_EQ(RMW_QOS_COMPATIBILITY_WARNING, compatibility(rmw_qos_profile_system_default, reliable));
  EXPECT_EQ(RMW_QOS_COMPATIBILITY_ERROR, compatibility(reliable, strict));
  EXPECT_EQ(RMW_QOS_COMPATIBILITY_OK, compatibility(strict, reliable));
  EXPECT_EQ(RMW_QOS_COMPATIBILITY_OK, compatibility(reliable, endless));
  EXPECT_EQ(RMW_QOS_COMPATIBILITY_OK, compatibility(reliable, rmw_qos_profile_best_available));
}

TEST(QosCompatibility, SmallBufferIsNotOverrun) {
  char text[8];
  std::memset(text, 'x', sizeof(text));
  rmw_qos_compatibility_type_t result = RMW_QOS_COMPATIBILITY_OK;
  EXPECT_RMW_OK(
      rmw_qos_profile_check_compatible(rmw_qos_profile_sensor_data, rmw_qos_profile_default, &result, text, 4));
  EXPECT_EQ('\0', text[3]);
  EXPECT_EQ('x', text[4]);
  EXPECT_RMW_FAILS(
      RMW_RET_INVALID_ARGUMENT,
      rmw_qos_profile_check_compatible(rmw_qos_profile_default, rmw_qos_profile_default, &result, nullptr, 4));
}

}  // namespace
