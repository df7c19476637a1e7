// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What signal handlers do, over the real core: rclcpp's logs that there was a signal, for which it reads the clock.
// And that the process was asked to end, which is noted.
#include <pthread.h>
#include <rcutils/time.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
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

std::atomic<int> asked{0};

void count_asked(int) {
  ++asked;
}

void count_asked_with_info(int, siginfo_t * info, void *) {
  asked += info->si_signo == SIGTERM ? 10 : 0;
}

/// When this process was asked to end, by its slot of the process table (ProcessTable.cs); 0: never.
int64_t asked_at() {
  constexpr size_t slot_size = 256;
  constexpr size_t pid_offset = 24;
  constexpr size_t asked_offset = 208;
  std::ifstream table(std::string(std::getenv("RMW_CKPT_DIR")) + "/97/run/table", std::ios::binary);
  std::array<char, slot_size> slot{};
  int64_t at = 0;
  while (table.read(slot.data(), slot.size())) {
    uint32_t pid = 0;
    std::memcpy(&pid, &slot[pid_offset], sizeof(pid));
    if (pid == static_cast<uint32_t>(getpid())) {
      int64_t here = 0;
      std::memcpy(&here, &slot[asked_offset], sizeof(here));
      at = std::max(at, here);
    }
  }
  return at;
}

/// Gives SIGTERM back.
class KeptTerm {
 public:
  KeptTerm() { EXPECT_EQ(sigaction(SIGTERM, nullptr, &before_), 0); }
  ~KeptTerm() { EXPECT_EQ(sigaction(SIGTERM, &before_, nullptr), 0); }
  KeptTerm(const KeptTerm &) = delete;
  KeptTerm & operator=(const KeptTerm &) = delete;

 private:
  struct sigaction before_ {};
};

TEST_F(Signals, ThatAskForTheEndAreNotedAndHandledByTheProgram) {
  const KeptTerm kept;
  struct sigaction action {};
  struct sigaction former {};
  action.sa_handler = count_asked;
  ASSERT_EQ(sigaction(SIGTERM, &action, nullptr), 0);
  const int64_t before = asked_at();
  asked = 0;
  EXPECT_EQ(raise(SIGTERM), 0);
  EXPECT_EQ(asked, 1);
  EXPECT_GT(asked_at(), before);

  // The program sees its own handlers, whichever way it asks.
  action.sa_sigaction = count_asked_with_info;
  action.sa_flags = SA_SIGINFO;
  ASSERT_EQ(sigaction(SIGTERM, &action, &former), 0);
  EXPECT_EQ(former.sa_handler, count_asked);
  EXPECT_EQ(raise(SIGTERM), 0);
  EXPECT_EQ(asked, 11);
  EXPECT_EQ(signal(SIGTERM, count_asked),
            reinterpret_cast<sighandler_t>(reinterpret_cast<void (*)()>(count_asked_with_info)));
  EXPECT_EQ(raise(SIGTERM), 0);
  EXPECT_EQ(asked, 12);
  EXPECT_EQ(signal(SIGTERM, SIG_IGN), count_asked);
  EXPECT_EQ(signal(SIGTERM, SIG_DFL), SIG_IGN);
}

TEST_F(Signals, AreNotNotedInAPlaceThatWasLeft) {
  const KeptTerm kept;
  ASSERT_NE(signal(SIGTERM, count_asked), SIG_ERR);
  asked = 0;
  ASSERT_NO_FATAL_FAILURE(TearDown());
  EXPECT_EQ(raise(SIGTERM), 0);
  EXPECT_EQ(asked, 1);
  ASSERT_NO_FATAL_FAILURE(SetUp());
  EXPECT_EQ(raise(SIGTERM), 0);
  EXPECT_GT(asked_at(), 0);
  EXPECT_EQ(asked, 2);
}

}  // namespace
