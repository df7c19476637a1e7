// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Messages that are written and read where they are.
#include <algorithm>
#include <cstring>
#include <rosidl_typesupport_cpp/message_type_support.hpp>
#include <test_msgs/msg/arrays.hpp>
#include <test_msgs/msg/basic_types.hpp>
#include <test_msgs/msg/strings.hpp>

#include "fixture.hpp"
#include "large.hpp"
#include "warnings.hpp"

namespace {

using test_msgs::msg::BasicTypes;

template <class Message>
const rosidl_message_type_support_t * type_of() {
  return rosidl_typesupport_cpp::get_message_type_support_handle<Message>();
}

class Loans : public Fixture {
 protected:
  void SetUp() override {
    Fixture::SetUp();
    publisher = publish_on("/plain", type_of<BasicTypes>());
    subscription = subscribe_to("/plain", type_of<BasicTypes>());
    size_t count = 0;
    ASSERT_TRUE(eventually(
        [&] { return rmw_publisher_count_matched_subscriptions(publisher, &count) == RMW_RET_OK && count == 1; }));
  }

  void TearDown() override {
    EXPECT_RMW_OK(rmw_destroy_subscription(node, subscription));
    EXPECT_RMW_OK(rmw_destroy_publisher(node, publisher));
    Fixture::TearDown();
  }

  rmw_publisher_t * publish_on(const char * topic, const rosidl_message_type_support_t * type) {
    const rmw_publisher_options_t options = rmw_get_default_publisher_options();
    return rmw_create_publisher(node, type, topic, &rmw_qos_profile_default, &options);
  }

  rmw_subscription_t * subscribe_to(const char * topic, const rosidl_message_type_support_t * type) {
    const rmw_subscription_options_t options = rmw_get_default_subscription_options();
    return rmw_create_subscription(node, type, topic, &rmw_qos_profile_default, &options);
  }

  BasicTypes * borrow() {
    void * loan = nullptr;
    EXPECT_RMW_OK(rmw_borrow_loaned_message(publisher, type_of<BasicTypes>(), &loan));
    return static_cast<BasicTypes *>(loan);
  }

  void publish(int64_t value) {
    BasicTypes * const message = borrow();
    message->bool_value = true;
    message->float64_value = 0.5;
    message->int64_value = value;
    EXPECT_RMW_OK(rmw_publish_loaned_message(publisher, message, nullptr));
  }

  const BasicTypes * take(rmw_message_info_t * info = nullptr) {
    void * loan = nullptr;
    EXPECT_TRUE(eventually([&] {
      bool taken = false;
      EXPECT_RMW_OK(info == nullptr ? rmw_take_loaned_message(subscription, &loan, &taken, nullptr)
                                    : rmw_take_loaned_message_with_info(subscription, &loan, &taken, info, nullptr));
      return taken;
    }));
    return static_cast<const BasicTypes *>(loan);
  }

  rmw_ret_t give_back(const BasicTypes * message) {
    return rmw_return_loaned_message_from_subscription(subscription, const_cast<BasicTypes *>(message));
  }

  rmw_publisher_t * publisher = nullptr;
  rmw_subscription_t * subscription = nullptr;
};

TEST_F(Loans, AreReadWhereTheyAre) {
  publish(1);
  rmw_message_info_t info = rmw_get_zero_initialized_message_info();
  const BasicTypes * const first = take(&info);
  ASSERT_NE(nullptr, first);
  EXPECT_EQ(0u, reinterpret_cast<uintptr_t>(first) % alignof(BasicTypes));
  EXPECT_EQ(1u, info.publication_sequence_number);
  EXPECT_TRUE(first->bool_value);
  EXPECT_EQ(0.5, first->float64_value);

  // Several at a time, given back in any order, while more comes.
  publish(2);
  publish(3);
  const BasicTypes * const second = take();
  const BasicTypes * const third = take();
  ASSERT_NE(nullptr, third);
  EXPECT_EQ(1, first->int64_value);
  EXPECT_RMW_OK(give_back(first));
  EXPECT_EQ(3, third->int64_value);
  EXPECT_RMW_OK(give_back(third));
  EXPECT_EQ(2, second->int64_value);
  EXPECT_RMW_OK(give_back(second));
  EXPECT_RMW_FAILS(RMW_RET_ERROR, give_back(second));
}

TEST_F(Loans, AndCopiesMixInOrder) {
  BasicTypes message;
  for (int64_t value = 0; value < 8; ++value) {
    message.int64_value = value;
    if (value % 2 == 0) {
      publish(value);
    } else {
      EXPECT_RMW_OK(rmw_publish(publisher, &message, nullptr));
    }
  }
  for (int64_t value = 0; value < 8; ++value) {
    if (value % 3 == 0) {
      const BasicTypes * const loan = take();
      ASSERT_NE(nullptr, loan);
      EXPECT_EQ(value, loan->int64_value);
      EXPECT_RMW_OK(give_back(loan));
    } else {
      bool taken = false;
      EXPECT_RMW_OK(rmw_take(subscription, &message, &taken, nullptr));
      EXPECT_TRUE(taken);
      EXPECT_EQ(value, message.int64_value);
    }
  }
  void * none = nullptr;
  bool taken = true;
  EXPECT_RMW_OK(rmw_take_loaned_message(subscription, &none, &taken, nullptr));
  EXPECT_FALSE(taken);
  EXPECT_EQ(nullptr, none);
}

TEST_F(Loans, StartAsZeroesAndMayBeGivenBackUnpublished) {
  BasicTypes * const message = borrow();
  ASSERT_NE(nullptr, message);
  EXPECT_EQ(0, message->int64_value);
  BasicTypes * const other = borrow();
  EXPECT_NE(message, other);
  EXPECT_RMW_OK(rmw_return_loaned_message_from_publisher(publisher, message));
  EXPECT_RMW_FAILS(RMW_RET_ERROR, rmw_return_loaned_message_from_publisher(publisher, message));
  EXPECT_RMW_FAILS(RMW_RET_ERROR, rmw_publish_loaned_message(publisher, message, nullptr));
  // The other goes with its publisher.
}

TEST_F(Loans, RefuseWhatIsNotTheirs) {
  BasicTypes own;
  void * pointer = &own;
  bool taken = false;
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_borrow_loaned_message(publisher, type_of<BasicTypes>(), &pointer));
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_take_loaned_message(subscription, &pointer, &taken, nullptr));
  EXPECT_RMW_FAILS(RMW_RET_ERROR, rmw_publish_loaned_message(publisher, &own, nullptr));
  EXPECT_RMW_FAILS(RMW_RET_ERROR, rmw_return_loaned_message_from_subscription(subscription, &own));
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_return_loaned_message_from_subscription(subscription, nullptr));
  EXPECT_EQ(&own, pointer);
}

TEST_F(Loans, AreOfPlainTypesOnly) {
  EXPECT_TRUE(publisher->can_loan_messages);
  EXPECT_TRUE(subscription->can_loan_messages);
  for (const auto * type : {type_of<test_msgs::msg::Strings>(), type_of<test_msgs::msg::Arrays>()}) {
    auto * const strings = publish_on("/strings", type);
    auto * const reader = subscribe_to("/strings", type);
    EXPECT_FALSE(strings->can_loan_messages);
    EXPECT_FALSE(reader->can_loan_messages);
    void * loan = nullptr;
    bool taken = false;
    EXPECT_RMW_FAILS(RMW_RET_UNSUPPORTED, rmw_borrow_loaned_message(strings, type, &loan));
    EXPECT_RMW_FAILS(RMW_RET_UNSUPPORTED, rmw_take_loaned_message(reader, &loan, &taken, nullptr));
    EXPECT_EQ(nullptr, loan);
    EXPECT_RMW_OK(rmw_destroy_subscription(node, reader));
    EXPECT_RMW_OK(rmw_destroy_publisher(node, strings));
  }
}

TEST_F(Loans, AreNotMadeOfBytesInAnotherOrder) {
  const Warnings warnings;
  uint8_t bytes[4 + sizeof(BasicTypes)] = {0, 0};  // big-endian
  rmw_serialized_message_t serialized = rmw_get_zero_initialized_serialized_message();
  serialized.buffer = bytes;
  for (const size_t length : {sizeof(bytes), size_t{12}}) {
    serialized.buffer_length = length;
    bytes[1] = length == sizeof(bytes) ? 0 : 1;
    EXPECT_RMW_OK(rmw_publish_serialized_message(publisher, &serialized, nullptr));
  }
  publish(7);
  void * loan = nullptr;
  bool taken = false;
  ASSERT_TRUE(eventually([&] {
    EXPECT_RMW_OK(rmw_take_loaned_message(subscription, &loan, &taken, nullptr));
    EXPECT_EQ(taken, loan != nullptr);
    return taken;
  }));
  EXPECT_EQ(7, static_cast<BasicTypes *>(loan)->int64_value);
  EXPECT_RMW_OK(rmw_return_loaned_message_from_subscription(subscription, loan));
  EXPECT_EQ(1u, Warnings::said.size());
}

/// Messages that are written where they are read.
class LargeLoans : public Loans {
 protected:
  void SetUp() override {
    Fixture::SetUp();
    publisher = publish_on("/large", large_type());
    subscription = subscribe_to("/large", large_type());
    size_t count = 0;
    ASSERT_TRUE(eventually(
        [&] { return rmw_publisher_count_matched_subscriptions(publisher, &count) == RMW_RET_OK && count == 1; }));
  }

  Large * borrow() {
    void * loan = nullptr;
    EXPECT_RMW_OK(rmw_borrow_loaned_message(publisher, large_type(), &loan));
    return static_cast<Large *>(loan);
  }

  static void fill(Large * message, uint64_t number) {
    message->number = number;
    message->bytes.fill(static_cast<uint8_t>(number));
    message->last = static_cast<uint16_t>(number);
  }

  static bool is(const Large & message, uint64_t number) {
    return message.number == number && message.last == number &&
           std::all_of(message.bytes.begin(), message.bytes.end(), [=](uint8_t byte) { return byte == number; });
  }

  const Large * take_loan() {
    void * loan = nullptr;
    EXPECT_TRUE(eventually([&] {
      bool taken = false;
      EXPECT_RMW_OK(rmw_take_loaned_message(subscription, &loan, &taken, nullptr));
      return taken;
    }));
    return static_cast<const Large *>(loan);
  }
};

TEST_F(LargeLoans, AreReadAsTheyWereWrittenHoweverManyThereAre) {
  ASSERT_TRUE(publisher->can_loan_messages);
  for (uint64_t number = 1; number <= 40; ++number) {
    Large * const message = borrow();
    ASSERT_NE(nullptr, message);
    EXPECT_EQ(0u, reinterpret_cast<uintptr_t>(message) % alignof(Large));
    EXPECT_TRUE(is(*message, 0)) << "it starts as zeroes, whatever was in it before";
    fill(message, number);
    if (number % 4 == 0) {
      EXPECT_RMW_OK(rmw_return_loaned_message_from_publisher(publisher, message));
      continue;
    }
    EXPECT_RMW_OK(rmw_publish_loaned_message(publisher, message, nullptr));
    EXPECT_RMW_FAILS(RMW_RET_ERROR, rmw_publish_loaned_message(publisher, message, nullptr));
    EXPECT_RMW_FAILS(RMW_RET_ERROR, rmw_return_loaned_message_from_publisher(publisher, message));
    const Large * const read = take_loan();
    ASSERT_NE(nullptr, read);
    EXPECT_TRUE(is(*read, number));
    EXPECT_RMW_OK(rmw_return_loaned_message_from_subscription(subscription, const_cast<Large *>(read)));
  }
}

TEST_F(LargeLoans, AreTheSameBytesAsCopies) {
  Large * const lent = borrow();
  Large own{};
  fill(lent, 7);
  fill(&own, 7);
  EXPECT_RMW_OK(rmw_publish_loaned_message(publisher, lent, nullptr));
  EXPECT_RMW_OK(rmw_publish(publisher, &own, nullptr));
  rmw_serialized_message_t both[2];
  for (auto & bytes : both) {
    bytes = rmw_get_zero_initialized_serialized_message();
    const auto allocator = rcutils_get_default_allocator();
    ASSERT_EQ(RMW_RET_OK, rmw_serialized_message_init(&bytes, 0, &allocator));
    EXPECT_TRUE(eventually([&] {
      bool taken = false;
      EXPECT_RMW_OK(rmw_take_serialized_message(subscription, &bytes, &taken, nullptr));
      return taken;
    }));
  }
  ASSERT_EQ(both[0].buffer_length, both[1].buffer_length);
  EXPECT_EQ(0, std::memcmp(both[0].buffer, both[1].buffer, both[0].buffer_length));
  for (auto & bytes : both) {
    EXPECT_RMW_OK(rmw_serialized_message_fini(&bytes));
  }
}

TEST_F(LargeLoans, AreCopiedToWhoWantsACopy) {
  Large * const message = borrow();
  fill(message, 9);
  EXPECT_RMW_OK(rmw_publish_loaned_message(publisher, message, nullptr));
  Large copy{};
  EXPECT_TRUE(eventually([&] {
    bool taken = false;
    EXPECT_RMW_OK(rmw_take(subscription, &copy, &taken, nullptr));
    return taken;
  }));
  EXPECT_TRUE(is(copy, 9));
  // One that is never given back goes with its publisher.
  EXPECT_NE(nullptr, borrow());
}

}  // namespace
