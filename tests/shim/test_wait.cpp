// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Wait sets, guard conditions, events.
#include <rmw/event.h>
#include <rmw/events_statuses/events_statuses.h>
#include <test_msgs/msg/basic_types.h>

#include <algorithm>
#include <array>
#include <set>
#include <thread>
#include <vector>

#include "fixture.hpp"

namespace {

const auto * const type = ROSIDL_GET_MSG_TYPE_SUPPORT(test_msgs, msg, BasicTypes);

class Wait : public WaitFixture {
 protected:
  void SetUp() override {
    WaitFixture::SetUp();
    for (auto & guard : guards) {
      guard = rmw_create_guard_condition(&context);
      ASSERT_NE(nullptr, guard) << rmw_get_error_string().str;
    }
  }

  void TearDown() override {
    for (auto * guard : guards) {
      EXPECT_RMW_OK(rmw_destroy_guard_condition(guard));
    }
    WaitFixture::TearDown();
  }

  /// Waits for the guard conditions; their entries are left in `waited`.
  rmw_ret_t wait(const rmw_time_t * timeout) {
    for (size_t i = 0; i < guards.size(); ++i) {
      waited[i] = guards[i]->data;
    }
    rmw_guard_conditions_t conditions = {waited.size(), waited.data()};
    return rmw_wait(nullptr, &conditions, nullptr, nullptr, nullptr, set, timeout);
  }

  rmw_publisher_t * publisher(const rmw_qos_profile_t & qos = rmw_qos_profile_default) {
    const rmw_publisher_options_t options = rmw_get_default_publisher_options();
    return rmw_create_publisher(node, type, "/waited", &qos, &options);
  }

  rmw_subscription_t * subscription(const rmw_qos_profile_t & qos = rmw_qos_profile_default) {
    const rmw_subscription_options_t options = rmw_get_default_subscription_options();
    return rmw_create_subscription(node, type, "/waited", &qos, &options);
  }

  using WaitFixture::wait;

  std::array<rmw_guard_condition_t *, 3> guards{};
  std::array<void *, 3> waited{};
};

TEST_F(Wait, NothingToWaitFor) {
  EXPECT_EQ(RMW_RET_TIMEOUT, rmw_wait(nullptr, nullptr, nullptr, nullptr, nullptr, set, &at_once));
  EXPECT_EQ(RMW_RET_TIMEOUT, rmw_wait(nullptr, nullptr, nullptr, nullptr, nullptr, set, &soon));
  EXPECT_FALSE(rmw_error_is_set());
  EXPECT_RMW_FAILS(RMW_RET_INVALID_ARGUMENT, rmw_wait(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, &at_once));
}

TEST_F(Wait, OfThousandsOnlyWhatIsReadyIsLeft) {
  std::vector<rmw_guard_condition_t *> many(3000);
  for (auto & guard : many) {
    guard = rmw_create_guard_condition(&context);
    ASSERT_NE(nullptr, guard) << rmw_get_error_string().str;
  }
  // A few are found among the triggered ones; of many each is asked.
  for (const size_t step : {1500, 700, 3}) {
    std::set<void *> triggered;
    for (size_t i = 5; i < many.size(); i += step) {
      EXPECT_RMW_OK(rmw_trigger_guard_condition(many[i]));
      triggered.insert(many[i]->data);
    }
    std::vector<void *> items;
    for (auto it = many.rbegin(); it != many.rend(); ++it) {
      items.push_back((*it)->data);
    }
    rmw_guard_conditions_t conditions = {items.size(), items.data()};
    EXPECT_RMW_OK(rmw_wait(nullptr, &conditions, nullptr, nullptr, nullptr, set, nullptr));
    std::set<void *> left(items.begin(), items.end());
    left.erase(nullptr);
    EXPECT_EQ(triggered, left);
    for (size_t i = 0; i < items.size(); ++i) {
      items[i] = many[i]->data;
    }
    EXPECT_EQ(RMW_RET_TIMEOUT, rmw_wait(nullptr, &conditions, nullptr, nullptr, nullptr, set, &at_once));
    EXPECT_EQ(items.end(), std::find_if(items.begin(), items.end(), [](void * item) { return item != nullptr; }));
  }
  for (auto * guard : many) {
    EXPECT_RMW_OK(rmw_destroy_guard_condition(guard));
  }
}

TEST_F(Wait, OnlyWhatIsReadyIsLeft) {
  EXPECT_RMW_OK(rmw_trigger_guard_condition(guards[1]));
  EXPECT_RMW_OK(wait(nullptr));
  EXPECT_EQ(nullptr, waited[0]);
  EXPECT_EQ(guards[1]->data, waited[1]);
  EXPECT_EQ(nullptr, waited[2]);
  EXPECT_EQ(RMW_RET_TIMEOUT, wait(&at_once)) << "the trigger was not consumed";
  EXPECT_EQ((std::array<void *, 3>{}), waited);
}

TEST_F(Wait, WokenByAnotherThread) {
  for (int i = 0; i < 20; ++i) {
    std::thread other([&] { EXPECT_RMW_OK(rmw_trigger_guard_condition(guards[i % 3])); });
    EXPECT_RMW_OK(wait(&later));
    EXPECT_NE(nullptr, waited[i % 3]);
    other.join();
  }
}

TEST_F(Wait, WokenByAMessage) {
  auto * const sub = subscription();
  auto * const pub = publisher();
  ASSERT_TRUE(sub != nullptr && pub != nullptr) << rmw_get_error_string().str;
  size_t count = 0;
  ASSERT_TRUE(
      eventually([&] { return rmw_publisher_count_matched_subscriptions(pub, &count) == RMW_RET_OK && count == 1; }));
  test_msgs__msg__BasicTypes message{};
  ASSERT_TRUE(test_msgs__msg__BasicTypes__init(&message));
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_RMW_OK(rmw_publish(pub, &message, nullptr));
  });
  void * item = sub->data;
  rmw_subscriptions_t subscriptions = {1, &item};
  EXPECT_RMW_OK(rmw_wait(&subscriptions, nullptr, nullptr, nullptr, nullptr, set, nullptr));
  EXPECT_EQ(sub->data, item);
  other.join();
  bool taken = false;
  EXPECT_RMW_OK(rmw_take(sub, &message, &taken, nullptr));
  EXPECT_TRUE(taken);
  EXPECT_RMW_OK(rmw_destroy_subscription(node, sub));
  EXPECT_RMW_OK(rmw_destroy_publisher(node, pub));
}

TEST_F(Wait, ShutdownLeavesWaitsToTheirGuards) {
  EXPECT_RMW_OK(rmw_shutdown(&context));
  std::thread other([&] { EXPECT_RMW_OK(rmw_trigger_guard_condition(guards[0])); });
  EXPECT_RMW_OK(wait(nullptr));
  EXPECT_NE(nullptr, waited[0]);
  other.join();
}

TEST_F(Wait, MatchedEvents) {
  auto * const pub = publisher();
  ASSERT_NE(nullptr, pub);
  rmw_event_t event = rmw_get_zero_initialized_event();
  EXPECT_RMW_OK(rmw_publisher_event_init(&event, pub, RMW_EVENT_PUBLICATION_MATCHED));
  EXPECT_EQ(RMW_RET_TIMEOUT, wait(event, at_once));
  auto * const sub = subscription();
  ASSERT_NE(nullptr, sub);
  EXPECT_RMW_OK(wait(event, later));
  rmw_matched_status_t status{};
  bool taken = false;
  EXPECT_RMW_OK(rmw_take_event(&event, &status, &taken));
  EXPECT_TRUE(taken);
  EXPECT_EQ(1u, status.total_count);
  EXPECT_EQ(1u, status.total_count_change);
  EXPECT_EQ(1u, status.current_count);
  EXPECT_EQ(1, status.current_count_change);
  EXPECT_RMW_OK(rmw_take_event(&event, &status, &taken));
  EXPECT_TRUE(taken);
  EXPECT_EQ(0u, status.total_count_change);

  rmw_event_t liveliness = rmw_get_zero_initialized_event();
  EXPECT_RMW_OK(rmw_subscription_event_init(&liveliness, sub, RMW_EVENT_LIVELINESS_CHANGED));
  rmw_liveliness_changed_status_t alive{};
  EXPECT_RMW_OK(rmw_take_event(&liveliness, &alive, &taken));
  EXPECT_EQ(1, alive.alive_count);

  EXPECT_RMW_OK(rmw_destroy_subscription(node, sub));
  EXPECT_RMW_OK(wait(event, later));
  EXPECT_RMW_OK(rmw_take_event(&event, &status, &taken));
  EXPECT_EQ(0u, status.current_count);
  EXPECT_EQ(-1, status.current_count_change);
  EXPECT_RMW_OK(rmw_event_fini(&event));
  EXPECT_RMW_OK(rmw_destroy_publisher(node, pub));
}

TEST_F(Wait, IncompatibleQosEvents) {
  rmw_qos_profile_t qos = rmw_qos_profile_default;
  qos.reliability = RMW_QOS_POLICY_RELIABILITY_BEST_EFFORT;
  auto * const pub = publisher(qos);
  ASSERT_NE(nullptr, pub);
  rmw_event_t event = rmw_get_zero_initialized_event();
  EXPECT_RMW_OK(rmw_publisher_event_init(&event, pub, RMW_EVENT_OFFERED_QOS_INCOMPATIBLE));
  auto * const sub = subscription();
  ASSERT_NE(nullptr, sub);
  EXPECT_RMW_OK(wait(event, later));
  rmw_offered_qos_incompatible_event_status_t status{};
  bool taken = false;
  EXPECT_RMW_OK(rmw_take_event(&event, &status, &taken));
  EXPECT_EQ(1, status.total_count);
  EXPECT_EQ(RMW_QOS_POLICY_RELIABILITY, status.last_policy_kind);
  size_t count = 9;
  EXPECT_RMW_OK(rmw_subscription_count_matched_publishers(sub, &count));
  EXPECT_EQ(0u, count);
  EXPECT_RMW_OK(rmw_destroy_subscription(node, sub));
  EXPECT_RMW_OK(rmw_destroy_publisher(node, pub));
}

}  // namespace
