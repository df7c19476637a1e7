// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// A context with a node, over whichever core the test is linked with.
#ifndef FIXTURE_HPP_
#define FIXTURE_HPP_

#include <gtest/gtest.h>
#include <rcutils/allocator.h>
#include <rcutils/strdup.h>
#include <rmw/error_handling.h>
#include <rmw/rmw.h>

#include <chrono>
#include <string>
#include <thread>

#define EXPECT_RMW_OK(expression) EXPECT_EQ(RMW_RET_OK, expression) << rmw_get_error_string().str

/// That the call fails with this code, says why, and leaves no error for the next one.
#define EXPECT_RMW_FAILS(code, expression) \
  do {                                     \
    EXPECT_EQ(code, expression);           \
    EXPECT_TRUE(rmw_error_is_set());       \
    rmw_reset_error();                     \
  } while (0)

#define EXPECT_NULL_WITH_ERROR(expression) \
  do {                                     \
    EXPECT_EQ(nullptr, expression);        \
    EXPECT_TRUE(rmw_error_is_set());       \
    rmw_reset_error();                     \
  } while (0)

inline rmw_init_options_t make_options() {
  rmw_init_options_t options = rmw_get_zero_initialized_init_options();
  EXPECT_RMW_OK(rmw_init_options_init(&options, rcutils_get_default_allocator()));
  options.enclave = rcutils_strdup("/", rcutils_get_default_allocator());
  options.discovery_options.automatic_discovery_range = RMW_AUTOMATIC_DISCOVERY_RANGE_LOCALHOST;
  options.domain_id = 97;
  return options;
}

class Fixture : public testing::Test {
 protected:
  void SetUp() override {
    rmw_init_options_t options = make_options();
    ASSERT_EQ(RMW_RET_OK, rmw_init(&options, &context)) << rmw_get_error_string().str;
    EXPECT_RMW_OK(rmw_init_options_fini(&options));
    node = rmw_create_node(&context, "tester", "/shim");
    ASSERT_NE(nullptr, node) << rmw_get_error_string().str;
  }

  void TearDown() override {
    if (node != nullptr) {
      EXPECT_RMW_OK(rmw_destroy_node(node));
    }
    EXPECT_RMW_OK(rmw_shutdown(&context));
    EXPECT_RMW_OK(rmw_context_fini(&context));
    EXPECT_FALSE(rmw_error_is_set());
  }

  /// For what another process, or another thread of the core, may have to do first.
  template <class Condition>
  static bool eventually(Condition && condition) {
    for (int i = 0; i < 200; ++i) {
      if (condition()) {
        return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return condition();
  }

  rmw_context_t context = rmw_get_zero_initialized_context();
  rmw_node_t * node = nullptr;
};

/// With a wait set, to wait for an event.
class WaitFixture : public Fixture {
 protected:
  static constexpr rmw_time_t at_once = {0, 0};
  static constexpr rmw_time_t soon = {0, 50'000'000};
  static constexpr rmw_time_t later = {10, 0};

  void SetUp() override {
    Fixture::SetUp();
    set = rmw_create_wait_set(&context, 0);
    ASSERT_NE(nullptr, set) << rmw_get_error_string().str;
  }

  void TearDown() override {
    EXPECT_RMW_OK(rmw_destroy_wait_set(set));
    Fixture::TearDown();
  }

  rmw_ret_t wait(const rmw_event_t & event, const rmw_time_t & timeout) {
    void * item = const_cast<rmw_event_t *>(&event);
    rmw_events_t events = {1, &item};
    return rmw_wait(nullptr, nullptr, nullptr, nullptr, &events, set, &timeout);
  }

  rmw_wait_set_t * set = nullptr;
};

#endif  // FIXTURE_HPP_
