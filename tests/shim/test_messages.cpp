// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Messages through a topic.
#include <rmw/serialized_message.h>
#include <test_msgs/msg/basic_types.h>

#include <cstdio>
#include <cstring>
#include <rosidl_typesupport_cpp/message_type_support.hpp>
#include <test_msgs/message_fixtures.hpp>
#include <test_msgs/msg/strings.hpp>

#include "bytes.hpp"
#include "fixture.hpp"
#include "warnings.hpp"

namespace {

const auto * const type = rosidl_typesupport_cpp::get_message_type_support_handle<test_msgs::msg::Strings>();

class Messages : public Fixture {
 protected:
  void SetUp() override {
    Fixture::SetUp();
    const rmw_publisher_options_t publisher_options = rmw_get_default_publisher_options();
    const rmw_subscription_options_t subscription_options = rmw_get_default_subscription_options();
    publisher = rmw_create_publisher(node, type, "/strings", &rmw_qos_profile_default, &publisher_options);
    ASSERT_NE(nullptr, publisher) << rmw_get_error_string().str;
    subscription = rmw_create_subscription(node, type, "/strings", &rmw_qos_profile_default, &subscription_options);
    ASSERT_NE(nullptr, subscription) << rmw_get_error_string().str;
    size_t count = 0;
    ASSERT_TRUE(eventually(
        [&] { return rmw_publisher_count_matched_subscriptions(publisher, &count) == RMW_RET_OK && count == 1; }));
  }

  void TearDown() override {
    EXPECT_RMW_OK(rmw_destroy_subscription(node, subscription));
    EXPECT_RMW_OK(rmw_destroy_publisher(node, publisher));
    Fixture::TearDown();
  }

  void publish(const std::string & text) {
    test_msgs::msg::Strings message;
    message.string_value = text;
    EXPECT_RMW_OK(rmw_publish(publisher, &message, nullptr));
  }

  rmw_publisher_t * publisher = nullptr;
  rmw_subscription_t * subscription = nullptr;
};

TEST_F(Messages, ArriveInOrderWithTheirInfo) {
  bool taken = true;
  test_msgs::msg::Strings message;
  EXPECT_RMW_OK(rmw_take(subscription, &message, &taken, nullptr));
  EXPECT_FALSE(taken);
  rmw_gid_t gid{};
  EXPECT_RMW_OK(rmw_get_gid_for_publisher(publisher, &gid));
  publish("one");
  publish(std::string(100'000, 'x'));
  for (const size_t length : {size_t{3}, size_t{100'000}}) {
    rmw_message_info_t info = rmw_get_zero_initialized_message_info();
    ASSERT_TRUE(eventually([&] {
      EXPECT_RMW_OK(rmw_take_with_info(subscription, &message, &taken, &info, nullptr));
      return taken;
    }));
    EXPECT_EQ(length, message.string_value.size());
    EXPECT_EQ(length == 3 ? 1u : 2u, info.publication_sequence_number);
    EXPECT_EQ(RMW_MESSAGE_INFO_SEQUENCE_NUMBER_UNSUPPORTED, info.reception_sequence_number);
    EXPECT_GT(info.source_timestamp, 0);
    EXPECT_EQ(info.source_timestamp, info.received_timestamp);
    EXPECT_FALSE(info.from_intra_process);
    bool same = false;
    EXPECT_RMW_OK(rmw_compare_gids_equal(&gid, &info.publisher_gid, &same));
    EXPECT_TRUE(same);
  }
}

TEST_F(Messages, SerializedBothWays) {
  auto allocator = rcutils_get_default_allocator();
  rmw_serialized_message_t bytes = rmw_get_zero_initialized_serialized_message();
  EXPECT_RMW_OK(rmw_serialized_message_init(&bytes, 0, &allocator));
  EXPECT_RMW_FAILS(RMW_RET_ERROR, rmw_publish_serialized_message(publisher, &bytes, nullptr));
  for (const auto & message : get_messages_strings()) {
    EXPECT_RMW_OK(rmw_serialize(message.get(), type, &bytes));
    EXPECT_RMW_OK(rmw_publish_serialized_message(publisher, &bytes, nullptr));
    rmw_serialized_message_t back = rmw_get_zero_initialized_serialized_message();
    EXPECT_RMW_OK(rmw_serialized_message_init(&back, 0, &allocator));
    bool taken = false;
    ASSERT_TRUE(eventually([&] {
      EXPECT_RMW_OK(rmw_take_serialized_message(subscription, &back, &taken, nullptr));
      return taken;
    }));
    ASSERT_EQ(bytes.buffer_length, back.buffer_length);
    EXPECT_EQ(0, std::memcmp(bytes.buffer, back.buffer, bytes.buffer_length));
    EXPECT_RMW_OK(rmw_serialized_message_fini(&back));
  }
  EXPECT_RMW_OK(rmw_serialized_message_fini(&bytes));
}

TEST_F(Messages, MalformedIsDroppedAloud) {
  const Warnings warnings;
  rmw_gid_t gid{};
  EXPECT_RMW_OK(rmw_get_gid_for_publisher(publisher, &gid));
  Bytes malformed({0, 1, 0, 0, 0xff, 0xff, 0xff, 0x7f});
  EXPECT_RMW_OK(rmw_publish_serialized_message(publisher, &malformed.message, nullptr));
  publish("next");
  bool taken = true;
  test_msgs::msg::Strings message;
  ASSERT_TRUE(eventually([&] {
    EXPECT_RMW_OK(rmw_take(subscription, &message, &taken, nullptr));
    EXPECT_FALSE(rmw_error_is_set());
    return taken;
  }));
  EXPECT_EQ("next", message.string_value);
  ASSERT_EQ(1u, Warnings::said.size());
  EXPECT_NE(std::string::npos, Warnings::said[0].find("/strings")) << Warnings::said[0];
  char hex[3];
  std::snprintf(hex, sizeof(hex), "%02x", gid.data[0]);
  EXPECT_NE(std::string::npos, Warnings::said[0].find(std::string(" from ") + hex)) << Warnings::said[0];
}

TEST_F(Messages, MalformedAreSaidNowAndThen) {
  const Warnings warnings;
  Bytes malformed({0, 1, 0, 0, 64, 0, 0, 0, 'c', 'u', 't', 0});
  bool taken = false;
  test_msgs::msg::Strings message;
  for (int i = 0; i < 1001; ++i) {
    EXPECT_RMW_OK(rmw_publish_serialized_message(publisher, &malformed.message, nullptr));
    EXPECT_RMW_OK(rmw_take(subscription, &message, &taken, nullptr));
    EXPECT_FALSE(taken);
  }
  ASSERT_EQ(2u, Warnings::said.size());
  EXPECT_NE(std::string::npos, Warnings::said[1].find("1001 from there")) << Warnings::said[1];
}

TEST_F(Messages, MalformedIsHandedOnAsItIs) {
  const Warnings warnings;
  Bytes malformed({0, 1, 0, 0, 64, 0, 0, 0, 'c', 'u', 't', 0});
  EXPECT_RMW_OK(rmw_publish_serialized_message(publisher, &malformed.message, nullptr));
  Bytes back;
  bool taken = false;
  ASSERT_TRUE(eventually([&] {
    EXPECT_RMW_OK(rmw_take_serialized_message(subscription, &back.message, &taken, nullptr));
    return taken;
  }));
  EXPECT_EQ(malformed.copy(), back.copy());
  EXPECT_TRUE(Warnings::said.empty());
}

TEST_F(Messages, TakenAsSequence) {
  auto allocator = rcutils_get_default_allocator();
  rmw_message_sequence_t messages = rmw_get_zero_initialized_message_sequence();
  rmw_message_info_sequence_t infos = rmw_get_zero_initialized_message_info_sequence();
  EXPECT_RMW_OK(rmw_message_sequence_init(&messages, 5, &allocator));
  EXPECT_RMW_OK(rmw_message_info_sequence_init(&infos, 5, &allocator));
  std::array<test_msgs::msg::Strings, 5> storage;
  for (size_t i = 0; i < storage.size(); ++i) {
    messages.data[i] = &storage[i];
  }
  size_t taken = 99;
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_take_sequence(subscription, 0, &messages, &infos, &taken, nullptr));
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_take_sequence(subscription, 6, &messages, &infos, &taken, nullptr));
  EXPECT_EQ(99u, taken);
  EXPECT_RMW_OK(rmw_take_sequence(subscription, 5, &messages, &infos, &taken, nullptr));
  EXPECT_EQ(0u, taken);
  publish("a");
  publish("b");
  publish("c");
  size_t all = 0;
  ASSERT_TRUE(eventually([&] {
    EXPECT_RMW_OK(rmw_take_sequence(subscription, 5, &messages, &infos, &taken, nullptr));
    return (all += taken) == 3;
  }));
  EXPECT_EQ(taken, messages.size);
  EXPECT_EQ(taken, infos.size);
  const Warnings warnings;
  publish("before");
  Bytes malformed({0, 1, 0, 0, 64, 0, 0, 0, 'c', 'u', 't', 0});
  EXPECT_RMW_OK(rmw_publish_serialized_message(publisher, &malformed.message, nullptr));
  publish("after");
  all = 0;
  ASSERT_TRUE(eventually([&] {
    EXPECT_RMW_OK(rmw_take_sequence(subscription, 5, &messages, &infos, &taken, nullptr));
    return (all += taken) == 2;
  }));
  EXPECT_EQ("after", storage[taken - 1].string_value);
  EXPECT_EQ(1u, Warnings::said.size());
  EXPECT_RMW_OK(rmw_message_sequence_fini(&messages));
  EXPECT_RMW_OK(rmw_message_info_sequence_fini(&infos));
}

TEST_F(Messages, CallbackCountsThem) {
  std::atomic<size_t> count{0};
  const auto callback = [](const void * user, size_t n) {
    *static_cast<std::atomic<size_t> *>(const_cast<void *>(user)) += n;
  };
  publish("before");
  EXPECT_RMW_OK(rmw_subscription_set_on_new_message_callback(subscription, callback, &count));
  publish("after");
  EXPECT_TRUE(eventually([&] { return count == 2; })) << count;
  EXPECT_RMW_OK(rmw_subscription_set_on_new_message_callback(subscription, nullptr, nullptr));
  publish("not counted");
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(2u, count);
}

TEST_F(Messages, NothingIsWrongAfterShutdown) {
  EXPECT_RMW_OK(rmw_shutdown(&context));
  publish("late");
  bool taken = false;
  test_msgs::msg::Strings message;
  EXPECT_RMW_OK(rmw_take(subscription, &message, &taken, nullptr));
  EXPECT_TRUE(taken);
}

}  // namespace
