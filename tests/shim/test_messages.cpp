// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Messages through a topic.
#include <rmw/serialized_message.h>
#include <test_msgs/msg/basic_types.h>

#include <cstring>
#include <rosidl_typesupport_cpp/message_type_support.hpp>
#include <test_msgs/message_fixtures.hpp>
#include <test_msgs/msg/strings.hpp>

#include "fixture.hpp"

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

TEST_F(Messages, MalformedIsReportedAndGone) {
  auto allocator = rcutils_get_default_allocator();
  rmw_serialized_message_t bytes = rmw_get_zero_initialized_serialized_message();
  EXPECT_RMW_OK(rmw_serialized_message_init(&bytes, 8, &allocator));
  std::memcpy(bytes.buffer, "\0\1\0\0\xff\xff\xff\x7f", 8);
  bytes.buffer_length = 8;
  EXPECT_RMW_OK(rmw_publish_serialized_message(publisher, &bytes, nullptr));
  EXPECT_RMW_OK(rmw_serialized_message_fini(&bytes));
  publish("next");
  bool taken = false;
  test_msgs::msg::Strings message;
  rmw_ret_t ret = RMW_RET_OK;
  ASSERT_TRUE(eventually([&] { return (ret = rmw_take(subscription, &message, &taken, nullptr)) != RMW_RET_OK; }));
  EXPECT_FALSE(taken);
  EXPECT_TRUE(rmw_error_is_set());
  rmw_reset_error();
  ASSERT_TRUE(eventually([&] {
    EXPECT_RMW_OK(rmw_take(subscription, &message, &taken, nullptr));
    return taken;
  }));
  EXPECT_EQ("next", message.string_value);
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
