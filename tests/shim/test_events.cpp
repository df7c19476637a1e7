// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Events that time or another type causes, over the real core: deadlines, leases, lifespans, types that differ.
#include <rmw/event.h>
#include <rmw/events_statuses/events_statuses.h>
#include <test_msgs/msg/basic_types.h>
#include <test_msgs/msg/empty.h>

#include <atomic>

#include "fixture.hpp"

namespace {

const auto * const type = ROSIDL_GET_MSG_TYPE_SUPPORT(test_msgs, msg, BasicTypes);
const auto * const other_type = ROSIDL_GET_MSG_TYPE_SUPPORT(test_msgs, msg, Empty);
constexpr rmw_time_t period = {0, 100'000'000};
constexpr rmw_time_t hour = {3600, 0};

class Events : public WaitFixture {
 protected:
  void TearDown() override {
    if (sub != nullptr) {
      EXPECT_RMW_OK(rmw_destroy_subscription(node, sub));
    }
    if (pub != nullptr) {
      EXPECT_RMW_OK(rmw_destroy_publisher(node, pub));
    }
    WaitFixture::TearDown();
  }

  void make(const rmw_qos_profile_t & qos, const rosidl_message_type_support_t * subscribed = type) {
    const rmw_publisher_options_t publisher = rmw_get_default_publisher_options();
    const rmw_subscription_options_t subscription = rmw_get_default_subscription_options();
    pub = rmw_create_publisher(node, type, "/timed", &qos, &publisher);
    ASSERT_NE(nullptr, pub) << rmw_get_error_string().str;
    sub = rmw_create_subscription(node, subscribed, "/timed", &qos, &subscription);
    ASSERT_NE(nullptr, sub) << rmw_get_error_string().str;
  }

  rmw_event_t on_publisher(rmw_event_type_t kind) {
    rmw_event_t event = rmw_get_zero_initialized_event();
    EXPECT_RMW_OK(rmw_publisher_event_init(&event, pub, kind));
    return event;
  }

  rmw_event_t on_subscription(rmw_event_type_t kind) {
    rmw_event_t event = rmw_get_zero_initialized_event();
    EXPECT_RMW_OK(rmw_subscription_event_init(&event, sub, kind));
    return event;
  }

  template <typename Status>
  static Status take(const rmw_event_t & event) {
    Status status{};
    bool taken = false;
    EXPECT_RMW_OK(rmw_take_event(&event, &status, &taken));
    EXPECT_TRUE(taken);
    return status;
  }

  void publish() {
    test_msgs__msg__BasicTypes message{};
    EXPECT_RMW_OK(rmw_publish(pub, &message, nullptr));
  }

  rmw_publisher_t * pub = nullptr;
  rmw_subscription_t * sub = nullptr;
};

TEST_F(Events, ADeadlineThatIsMissedIsReportedOnBothSides) {
  rmw_qos_profile_t qos = rmw_qos_profile_default;
  qos.deadline = period;
  make(qos);
  const rmw_event_t offered = on_publisher(RMW_EVENT_OFFERED_DEADLINE_MISSED);
  const rmw_event_t requested = on_subscription(RMW_EVENT_REQUESTED_DEADLINE_MISSED);
  EXPECT_EQ(RMW_RET_TIMEOUT, wait(offered, at_once)) << "a deadline begins with the first message";
  publish();
  EXPECT_RMW_OK(wait(offered, later));
  EXPECT_RMW_OK(wait(requested, later));
  const auto sent = take<rmw_offered_deadline_missed_status_t>(offered);
  EXPECT_GE(sent.total_count, 1);
  EXPECT_EQ(sent.total_count, sent.total_count_change);
  const auto heard = take<rmw_requested_deadline_missed_status_t>(requested);
  EXPECT_GE(heard.total_count, 1);
  EXPECT_RMW_OK(wait(offered, later)) << "each period counts";
  EXPECT_GT(take<rmw_offered_deadline_missed_status_t>(offered).total_count, sent.total_count);
}

TEST_F(Events, ADeadlineThatIsKeptIsNotReported) {
  rmw_qos_profile_t qos = rmw_qos_profile_default;
  qos.deadline = hour;
  make(qos);
  publish();
  EXPECT_EQ(0, take<rmw_offered_deadline_missed_status_t>(on_publisher(RMW_EVENT_OFFERED_DEADLINE_MISSED)).total_count);
  EXPECT_EQ(
      0,
      take<rmw_requested_deadline_missed_status_t>(on_subscription(RMW_EVENT_REQUESTED_DEADLINE_MISSED)).total_count);
}

TEST_F(Events, ALeaseThatRunsOutIsReportedOnBothSidesAndTakenBack) {
  rmw_qos_profile_t qos = rmw_qos_profile_default;
  qos.liveliness = RMW_QOS_POLICY_LIVELINESS_MANUAL_BY_TOPIC;
  qos.liveliness_lease_duration = period;
  make(qos);
  const rmw_event_t lost = on_publisher(RMW_EVENT_LIVELINESS_LOST);
  const rmw_event_t changed = on_subscription(RMW_EVENT_LIVELINESS_CHANGED);
  EXPECT_RMW_OK(wait(lost, later));
  const auto first = take<rmw_liveliness_lost_status_t>(lost);
  EXPECT_EQ(1, first.total_count);
  EXPECT_EQ(RMW_RET_TIMEOUT, wait(lost, at_once)) << "once for each lease";
  EXPECT_TRUE(eventually([&] { return take<rmw_liveliness_changed_status_t>(changed).not_alive_count == 1; }));
  EXPECT_RMW_OK(rmw_publisher_assert_liveliness(pub));
  EXPECT_TRUE(eventually([&] {
    EXPECT_RMW_OK(rmw_publisher_assert_liveliness(pub));
    return take<rmw_liveliness_changed_status_t>(changed).alive_count == 1;
  }));
  EXPECT_RMW_OK(wait(lost, later));
  EXPECT_GE(take<rmw_liveliness_lost_status_t>(lost).total_count, 2);
}

TEST_F(Events, AnAutomaticPublisherIsAliveWhileItIsThere) {
  rmw_qos_profile_t qos = rmw_qos_profile_default;
  qos.liveliness_lease_duration = period;
  make(qos);
  const rmw_event_t changed = on_subscription(RMW_EVENT_LIVELINESS_CHANGED);
  EXPECT_TRUE(eventually([&] { return take<rmw_liveliness_changed_status_t>(changed).alive_count == 1; }));
  EXPECT_RMW_OK(rmw_destroy_publisher(node, pub));
  pub = nullptr;
  EXPECT_RMW_OK(wait(changed, later));
  const auto status = take<rmw_liveliness_changed_status_t>(changed);
  EXPECT_EQ(0, status.alive_count);
  EXPECT_EQ(0, status.not_alive_count);
}

TEST_F(Events, AMessageIsGoneAfterItsLifespan) {
  rmw_qos_profile_t qos = rmw_qos_profile_default;
  qos.lifespan = period;
  make(qos);
  publish();
  test_msgs__msg__BasicTypes message{};
  bool taken = false;
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  EXPECT_RMW_OK(rmw_take(sub, &message, &taken, nullptr));
  EXPECT_FALSE(taken);
}

TEST_F(Events, AnotherTypeOnTheSameTopicIsReportedOnBothSides) {
  make(rmw_qos_profile_default, other_type);
  const rmw_event_t publisher = on_publisher(RMW_EVENT_PUBLISHER_INCOMPATIBLE_TYPE);
  const rmw_event_t subscription = on_subscription(RMW_EVENT_SUBSCRIPTION_INCOMPATIBLE_TYPE);
  EXPECT_RMW_OK(wait(publisher, later));
  EXPECT_EQ(1, take<rmw_incompatible_type_status_t>(publisher).total_count);
  EXPECT_RMW_OK(wait(subscription, later));
  EXPECT_EQ(1, take<rmw_incompatible_type_status_t>(subscription).total_count_change);
}

/// Whom a wait tells of an event finds that its callback was called, whichever thread of the core was first.
TEST_F(Events, CallBackBeforeAWaitReportsThem) {
  make(rmw_qos_profile_default);
  rmw_event_t matched = on_publisher(RMW_EVENT_PUBLICATION_MATCHED);
  std::atomic<size_t> called{0};
  const auto count = [](const void * counter, size_t events) {
    *static_cast<std::atomic<size_t> *>(const_cast<void *>(counter)) += events;
  };
  EXPECT_RMW_OK(wait(matched, later));
  (void)take<rmw_matched_status_t>(matched);
  EXPECT_RMW_OK(rmw_event_set_callback(&matched, count, &called));
  called = 0;
  const rmw_subscription_options_t options = rmw_get_default_subscription_options();
  for (size_t i = 0; i < 100; ++i) {
    auto * const one = rmw_create_subscription(node, type, "/timed", &rmw_qos_profile_default, &options);
    EXPECT_RMW_OK(wait(matched, later));
    EXPECT_EQ(2 * i + 1, called);
    EXPECT_EQ(1, take<rmw_matched_status_t>(matched).current_count_change);
    EXPECT_RMW_OK(rmw_destroy_subscription(node, one));
    EXPECT_RMW_OK(wait(matched, later));
    EXPECT_EQ(2 * i + 2, called);
    EXPECT_EQ(-1, take<rmw_matched_status_t>(matched).current_count_change);
  }
  EXPECT_RMW_OK(rmw_event_set_callback(&matched, nullptr, nullptr));
}

}  // namespace
