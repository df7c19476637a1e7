// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// The slots through which ROS reads its time, and Python random bytes.
#include <rcutils/time.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "determinants.hpp"
#include "fake_core.hpp"
#include "fixture.hpp"

namespace {

constexpr int64_t year = 365LL * 24 * 3600 * 1'000'000'000;

int64_t rcutils_now() {
  rcutils_time_point_value_t now = 0;
  EXPECT_EQ(RCUTILS_RET_OK, rcutils_system_time_now(&now));
  return now;
}

int64_t kernel_now() {
  struct timespec now {};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

class Clock : public Fixture {
 protected:
  void SetUp() override {
    Fixture::SetUp();
    fake_core::clock_offset = year;
  }
  void TearDown() override {
    fake_core::clock_offset = 0;
    Fixture::TearDown();
  }
};

TEST_F(Clock, SlotIsFound) {
  EXPECT_TRUE(rmw_ckpt::redirect_clock());  // a second time changes nothing
}

TEST_F(Clock, RosTimeGoesThroughTheCore) {
  EXPECT_NEAR(rcutils_now() - kernel_now(), year, 1e9);
  rcutils_time_point_value_t steady = 0;
  EXPECT_EQ(RCUTILS_RET_OK, rcutils_steady_time_now(&steady));
  EXPECT_GT(steady, year);
}

TEST_F(Clock, OthersReadTheKernelsClock) {
  EXPECT_LT(std::abs(kernel_now() - static_cast<int64_t>(time(nullptr)) * 1'000'000'000), 3'000'000'000);
}

TEST_F(Clock, RandomBytesOfTheProgramGoThroughTheCore) {
  EXPECT_TRUE(rmw_ckpt::redirect_random());
  fake_core::random_byte = 7;
  uint8_t bytes[16] = {};
  EXPECT_EQ(static_cast<ssize_t>(sizeof(bytes)), getrandom(bytes, sizeof(bytes), 0));
  fake_core::random_byte = -1;
  EXPECT_TRUE(std::all_of(std::begin(bytes), std::end(bytes), [](uint8_t byte) { return byte == 7; }));
}

TEST_F(Clock, RandomBytesAreLeftAloneWhereThatIsAskedFor) {
  ASSERT_EQ(0, setenv("RMW_CKPT_RANDOM", "OFF", 1));
  EXPECT_FALSE(rmw_ckpt::redirect_random());
  ASSERT_EQ(0, setenv("RMW_CKPT_RANDOM", "maybe", 1));
  EXPECT_TRUE(rmw_ckpt::redirect_random());
  ASSERT_EQ(0, unsetenv("RMW_CKPT_RANDOM"));
}

TEST_F(Clock, ForkedChildIsLeftAloneAndRefused) {
  const pid_t child = fork();
  if (child == 0) {
    const bool real = std::abs(rcutils_now() - kernel_now()) < 1'000'000'000;
    const bool refused = rmw_create_guard_condition(&context) == nullptr && rmw_error_is_set();
    _exit(real && refused ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(child, waitpid(child, &status, 0));
  EXPECT_EQ(0, status);
}

}  // namespace
