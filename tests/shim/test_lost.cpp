// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// A message whose bytes were recycled while the shim read them.
#include <test_msgs/msg/basic_types.h>

#include "fake_core.hpp"
#include "fixture.hpp"

namespace {

class Lost : public Fixture {};

TEST_F(Lost, IsAsIfItHadNeverBeenThere) {
  const auto * const type = ROSIDL_GET_MSG_TYPE_SUPPORT(test_msgs, msg, BasicTypes);
  const rmw_publisher_options_t publisher_options = rmw_get_default_publisher_options();
  const rmw_subscription_options_t subscription_options = rmw_get_default_subscription_options();
  auto * const publisher = rmw_create_publisher(node, type, "/lost", &rmw_qos_profile_default, &publisher_options);
  auto * const subscription =
      rmw_create_subscription(node, type, "/lost", &rmw_qos_profile_default, &subscription_options);
  ASSERT_TRUE(publisher != nullptr && subscription != nullptr) << rmw_get_error_string().str;
  test_msgs__msg__BasicTypes message{};
  ASSERT_TRUE(test_msgs__msg__BasicTypes__init(&message));
  for (message.int32_value = 1; message.int32_value <= 3; ++message.int32_value) {
    EXPECT_RMW_OK(rmw_publish(publisher, &message, nullptr));
  }
  fake_core::lose = 2;
  bool taken = false;
  EXPECT_RMW_OK(rmw_take(subscription, &message, &taken, nullptr));
  EXPECT_TRUE(taken);
  EXPECT_EQ(3, message.int32_value);
  EXPECT_RMW_OK(rmw_publish(publisher, &message, nullptr));
  fake_core::lose = 1;
  EXPECT_RMW_OK(rmw_take(subscription, &message, &taken, nullptr));
  EXPECT_FALSE(taken);
  EXPECT_RMW_OK(rmw_destroy_subscription(node, subscription));
  EXPECT_RMW_OK(rmw_destroy_publisher(node, publisher));
}

}  // namespace
