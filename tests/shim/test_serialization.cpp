// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What becomes of bytes that are no message, or one from elsewhere.
#include <rosidl_typesupport_cpp/message_type_support.hpp>
#include <test_msgs/msg/basic_types.hpp>
#include <test_msgs/msg/strings.hpp>

#include "bytes.hpp"
#include "fixture.hpp"

namespace {

TEST(Serialization, BytesThatAreNoMessageAreRefused) {
  const auto * const type = rosidl_typesupport_cpp::get_message_type_support_handle<test_msgs::msg::Strings>();
  const std::vector<std::vector<uint8_t>> wrong = {
      {}, {0}, {0, 1, 0, 0}, {9, 9, 0, 0, 1, 2, 3, 4}, {0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 'a'}};
  for (const auto & bytes : wrong) {
    test_msgs::msg::Strings message;
    EXPECT_FALSE(is_message(bytes, type, &message)) << bytes.size();
  }
}

TEST(Serialization, OtherByteOrderIsRead) {
  const auto * const type = rosidl_typesupport_cpp::get_message_type_support_handle<test_msgs::msg::Strings>();
  std::vector<uint8_t> big = {0, 0, 0, 0, 0, 0, 0, 3, 'h', 'i', 0, 0};
  for (int i = 0; i < 40; ++i) {
    big.insert(big.end(), {0, 0, 0, 1, 0, 0, 0, 0});  // enough empty strings for the rest
  }
  test_msgs::msg::Strings message;
  EXPECT_TRUE(is_message(big, type, &message));
  EXPECT_EQ("hi", message.string_value);
}

TEST(Serialization, FailingAllocatorIsReported) {
  auto allocator = rcutils_get_default_allocator();
  allocator.reallocate = [](void *, size_t, void *) -> void * { return nullptr; };
  allocator.allocate = [](size_t, void *) -> void * { return nullptr; };
  rmw_serialized_message_t bytes = rmw_get_zero_initialized_serialized_message();
  EXPECT_RMW_OK(rmw_serialized_message_init(&bytes, 0, &allocator));
  const test_msgs::msg::BasicTypes message;
  EXPECT_NE(
      RMW_RET_OK,
      rmw_serialize(&message, rosidl_typesupport_cpp::get_message_type_support_handle<test_msgs::msg::BasicTypes>(),
                    &bytes));
  EXPECT_TRUE(rmw_error_is_set());
  rmw_reset_error();
  EXPECT_RMW_OK(rmw_serialized_message_fini(&bytes));
}

}  // namespace
