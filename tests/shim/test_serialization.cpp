// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Messages to CDR and back, in C and in C++; what happens to bytes that are no message.
#include <rmw/serialized_message.h>
#include <test_msgs/msg/basic_types.h>
#include <test_msgs/msg/unbounded_sequences.h>

#include <algorithm>
#include <cstring>
#include <rosidl_typesupport_cpp/message_type_support.hpp>
#include <test_msgs/message_fixtures.hpp>
#include <test_msgs/msg/arrays.hpp>
#include <test_msgs/msg/basic_types.hpp>
#include <test_msgs/msg/bounded_sequences.hpp>
#include <test_msgs/msg/nested.hpp>
#include <test_msgs/msg/strings.hpp>
#include <test_msgs/msg/unbounded_sequences.hpp>
#include <test_msgs/msg/w_strings.hpp>

#include "fixture.hpp"

namespace {

class Bytes {
 public:
  Bytes() {
    auto allocator = rcutils_get_default_allocator();
    EXPECT_RMW_OK(rmw_serialized_message_init(&message, 0, &allocator));
  }
  ~Bytes() { EXPECT_RMW_OK(rmw_serialized_message_fini(&message)); }

  void set(const std::vector<uint8_t> & bytes) {
    EXPECT_RMW_OK(rmw_serialized_message_resize(&message, bytes.size() + 1));
    std::copy(bytes.begin(), bytes.end(), message.buffer);
    message.buffer_length = bytes.size();
  }

  rmw_serialized_message_t message = rmw_get_zero_initialized_serialized_message();
};

template <class Message>
void expect_round_trips(const std::vector<std::shared_ptr<Message>> & messages) {
  const auto * const type = rosidl_typesupport_cpp::get_message_type_support_handle<Message>();
  ASSERT_FALSE(messages.empty());
  Bytes bytes;
  for (const auto & message : messages) {
    ASSERT_EQ(RMW_RET_OK, rmw_serialize(message.get(), type, &bytes.message)) << rmw_get_error_string().str;
    ASSERT_GE(bytes.message.buffer_length, 5u);
    EXPECT_EQ(0, std::memcmp(bytes.message.buffer, "\0\1\0\0", 4)) << "not plain little-endian CDR";
    Message back;
    ASSERT_EQ(RMW_RET_OK, rmw_deserialize(&bytes.message, type, &back)) << rmw_get_error_string().str;
    EXPECT_EQ(*message, back);
    EXPECT_FALSE(rmw_error_is_set());

    // Every prefix is either refused or, padding apart, a message: never a crash.
    for (size_t size = 0; size < bytes.message.buffer_length; size += 1 + bytes.message.buffer_length / 97) {
      const std::vector<uint8_t> copy(bytes.message.buffer, bytes.message.buffer + size);
      Bytes prefix;
      prefix.set(copy);
      Message scratch;
      if (rmw_deserialize(&prefix.message, type, &scratch) != RMW_RET_OK) {
        EXPECT_TRUE(rmw_error_is_set());
        rmw_reset_error();
      }
    }
  }
}

TEST(Serialization, RoundTripsCpp) {
  expect_round_trips(get_messages_basic_types());
  expect_round_trips(get_messages_arrays());
  expect_round_trips(get_messages_bounded_sequences());
  expect_round_trips(get_messages_unbounded_sequences());
  expect_round_trips(get_messages_strings());
  expect_round_trips(get_messages_wstrings());
  expect_round_trips(get_messages_nested());
}

TEST(Serialization, RoundTripC) {
  const auto * const type = ROSIDL_GET_MSG_TYPE_SUPPORT(test_msgs, msg, BasicTypes);
  test_msgs__msg__BasicTypes message{};
  ASSERT_TRUE(test_msgs__msg__BasicTypes__init(&message));
  message.int64_value = -5;
  message.float64_value = 2.5;
  Bytes bytes;
  EXPECT_RMW_OK(rmw_serialize(&message, type, &bytes.message));
  test_msgs__msg__BasicTypes back{};
  EXPECT_RMW_OK(rmw_deserialize(&bytes.message, type, &back));
  EXPECT_TRUE(test_msgs__msg__BasicTypes__are_equal(&message, &back));
  test_msgs__msg__BasicTypes__fini(&message);
}

TEST(Serialization, SameBytesInCAndCpp) {
  test_msgs__msg__UnboundedSequences in_c{};
  ASSERT_TRUE(test_msgs__msg__UnboundedSequences__init(&in_c));
  const test_msgs::msg::UnboundedSequences in_cpp;
  Bytes c;
  Bytes cpp;
  EXPECT_RMW_OK(rmw_serialize(&in_c, ROSIDL_GET_MSG_TYPE_SUPPORT(test_msgs, msg, UnboundedSequences), &c.message));
  EXPECT_RMW_OK(rmw_serialize(
      &in_cpp, rosidl_typesupport_cpp::get_message_type_support_handle<test_msgs::msg::UnboundedSequences>(),
      &cpp.message));
  ASSERT_EQ(c.message.buffer_length, cpp.message.buffer_length);
  EXPECT_EQ(0, std::memcmp(c.message.buffer, cpp.message.buffer, c.message.buffer_length));
  test_msgs__msg__UnboundedSequences__fini(&in_c);
}

TEST(Serialization, BytesThatAreNoMessageAreRefused) {
  const auto * const type = rosidl_typesupport_cpp::get_message_type_support_handle<test_msgs::msg::Strings>();
  const std::vector<std::vector<uint8_t>> wrong = {
      {}, {0}, {0, 1, 0, 0}, {9, 9, 0, 0, 1, 2, 3, 4}, {0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 'a'}};
  for (const auto & bytes : wrong) {
    Bytes malformed;
    malformed.set(bytes);
    test_msgs::msg::Strings message;
    EXPECT_NE(RMW_RET_OK, rmw_deserialize(&malformed.message, type, &message)) << bytes.size();
    EXPECT_TRUE(rmw_error_is_set());
    rmw_reset_error();
  }
}

TEST(Serialization, OtherByteOrderIsRead) {
  const auto * const type = rosidl_typesupport_cpp::get_message_type_support_handle<test_msgs::msg::Strings>();
  Bytes bytes;
  std::vector<uint8_t> big = {0, 0, 0, 0, 0, 0, 0, 3, 'h', 'i', 0, 0};
  for (int i = 0; i < 40; ++i) {
    big.insert(big.end(), {0, 0, 0, 1, 0, 0, 0, 0});  // enough empty strings for the rest
  }
  bytes.set(big);
  test_msgs::msg::Strings message;
  EXPECT_RMW_OK(rmw_deserialize(&bytes.message, type, &message));
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
