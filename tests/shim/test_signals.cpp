// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What signal handlers do, over the real core: rclcpp's logs that there was a signal, for which it reads the clock.
#include <pthread.h>
#include <rcutils/time.h>
#include <signal.h>

#include <atomic>
#include <test_msgs/msg/basic_types.hpp>
#include <thread>

#include "fixture.hpp"

namespace {

std::atomic<int> handled{0};
std::atomic<int> failed{0};

void read_clock(int) {
  rcutils_time_point_value_t now = 0;
  failed += rcutils_system_time_now(&now) != RCUTILS_RET_OK || now == 0;
  ++handled;
}

class Signals : public WaitFixture {};

TEST_F(Signals, MayComeWhileTheCoreIsAtWork) {
  const auto * const type = rosidl_typesupport_cpp::get_message_type_support_handle<test_msgs::msg::BasicTypes>();
  const rmw_publisher_options_t options = rmw_get_default_publisher_options();
  rmw_publisher_t * const publisher = rmw_create_publisher(node, type, "/signals", &rmw_qos_profile_default, &options);
  ASSERT_NE(publisher, nullptr);

  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = read_clock;
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  const pthread_t here = pthread_self();
  std::thread sender([here] {
    while (handled < 3000) {
      (void)pthread_kill(here, SIGUSR1);
      std::this_thread::yield();
    }
  });
  const test_msgs::msg::BasicTypes message;
  while (handled < 3000) {
    EXPECT_RMW_OK(rmw_publish(publisher, &message, nullptr));
    rcutils_time_point_value_t now = 0;
    EXPECT_EQ(rcutils_system_time_now(&now), RCUTILS_RET_OK);
  }
  sender.join();
  ASSERT_EQ(sigaction(SIGUSR1, &before, nullptr), 0);
  EXPECT_EQ(failed, 0);
  EXPECT_RMW_OK(rmw_destroy_publisher(node, publisher));
}

}  // namespace
