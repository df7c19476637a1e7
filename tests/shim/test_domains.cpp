// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// Several contexts in one process: who sees whom.
#include <algorithm>
#include <rosidl_typesupport_cpp/service_type_support.hpp>
#include <test_msgs/srv/empty.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "fixture.hpp"
#include "holdings.hpp"

namespace {

/// A context with a node in it.
class Participant {
 public:
  Participant(const char * name, size_t domain, rmw_automatic_discovery_range_t range) {
    rmw_init_options_t options = make_options();
    options.domain_id = domain;
    options.discovery_options.automatic_discovery_range = range;
    EXPECT_RMW_OK(rmw_init(&options, &context));
    EXPECT_RMW_OK(rmw_init_options_fini(&options));
    node = rmw_create_node(&context, name, "/");
    EXPECT_NE(nullptr, node) << rmw_get_error_string().str;
  }
  Participant(const Participant &) = delete;
  Participant & operator=(const Participant &) = delete;
  ~Participant() {
    EXPECT_RMW_OK(rmw_destroy_node(node));
    EXPECT_RMW_OK(rmw_shutdown(&context));
    EXPECT_RMW_OK(rmw_context_fini(&context));
  }

  /// Makes a service that nobody destroys.
  const rmw_service_t * forget_service() const {
    const auto * const type = rosidl_typesupport_cpp::get_service_type_support_handle<test_msgs::srv::Empty>();
    return rmw_create_service(node, type, "/forgotten", &rmw_qos_profile_services_default);
  }

  rmw_guard_condition_t * make_guard() { return rmw_create_guard_condition(&context); }

  rmw_wait_set_t * make_wait_set() { return rmw_create_wait_set(&context, 0); }

  /// Names of the nodes that it sees, in order.
  std::vector<std::string> sees() const {
    rcutils_string_array_t names = rcutils_get_zero_initialized_string_array();
    rcutils_string_array_t namespaces = rcutils_get_zero_initialized_string_array();
    EXPECT_RMW_OK(rmw_get_node_names(node, &names, &namespaces));
    std::vector<std::string> all(names.data, names.data + names.size);
    std::sort(all.begin(), all.end());
    EXPECT_EQ(RCUTILS_RET_OK, rcutils_string_array_fini(&names));
    EXPECT_EQ(RCUTILS_RET_OK, rcutils_string_array_fini(&namespaces));
    return all;
  }

 private:
  rmw_context_t context = rmw_get_zero_initialized_context();
  rmw_node_t * node = nullptr;
};

using Names = std::vector<std::string>;

TEST(Domains, AreApart) {
  const Participant one("one", 98, RMW_AUTOMATIC_DISCOVERY_RANGE_LOCALHOST);
  const Participant two("two", 98, RMW_AUTOMATIC_DISCOVERY_RANGE_SUBNET);
  const Participant other("other", 99, RMW_AUTOMATIC_DISCOVERY_RANGE_LOCALHOST);
  EXPECT_EQ(Names({"one", "two"}), one.sees());
  EXPECT_EQ(Names({"one", "two"}), two.sees());
  EXPECT_EQ(Names({"other"}), other.sees());
}

TEST(Domains, ArePrivateWithDiscoveryOff) {
  const Participant open("open", 98, RMW_AUTOMATIC_DISCOVERY_RANGE_LOCALHOST);
  const Participant closed("closed", 98, RMW_AUTOMATIC_DISCOVERY_RANGE_OFF);
  EXPECT_EQ(Names({"open"}), open.sees());
  EXPECT_EQ(Names({"closed"}), closed.sees());
}

/// An executor may have nodes of several contexts.
TEST(Domains, AreWaitedForTogether) {
  Participant one("one", 98, RMW_AUTOMATIC_DISCOVERY_RANGE_LOCALHOST);
  Participant other("other", 99, RMW_AUTOMATIC_DISCOVERY_RANGE_LOCALHOST);
  auto * const here = one.make_guard();
  auto * const there = other.make_guard();
  auto * const set = one.make_wait_set();
  const auto wait = [&](rmw_time_t timeout) {
    void * items[] = {here->data, there->data};
    rmw_guard_conditions_t guards = {2, items};
    const rmw_ret_t ret = rmw_wait(nullptr, &guards, nullptr, nullptr, nullptr, set, &timeout);
    EXPECT_EQ(ret == RMW_RET_OK, items[0] != nullptr || items[1] != nullptr);
    return std::make_pair(items[0] != nullptr, items[1] != nullptr);
  };
  EXPECT_EQ(std::make_pair(false, false), wait({0, 0}));
  EXPECT_EQ(std::make_pair(false, false), wait({0, 20'000'000}));
  EXPECT_RMW_OK(rmw_trigger_guard_condition(there));
  EXPECT_EQ(std::make_pair(false, true), wait({10, 0}));
  EXPECT_RMW_OK(rmw_trigger_guard_condition(here));
  EXPECT_EQ(std::make_pair(true, false), wait({10, 0}));
  std::thread later([&] { EXPECT_RMW_OK(rmw_trigger_guard_condition(there)); });
  EXPECT_EQ(std::make_pair(false, true), wait({10, 0}));
  later.join();
  EXPECT_EQ(std::make_pair(false, false), wait({0, 0}));
  EXPECT_RMW_OK(rmw_destroy_wait_set(set));
  EXPECT_RMW_OK(rmw_destroy_guard_condition(there));
  EXPECT_RMW_OK(rmw_destroy_guard_condition(here));
}

TEST(Contexts, MayBeOutlivedByGuardConditions) {
  rmw_guard_condition_t * left = nullptr;
  {
    Participant first("first", 98, RMW_AUTOMATIC_DISCOVERY_RANGE_LOCALHOST);
    left = first.make_guard();
  }
  Participant next("next", 98, RMW_AUTOMATIC_DISCOVERY_RANGE_LOCALHOST);
  auto * const its = next.make_guard();
  EXPECT_RMW_OK(rmw_destroy_guard_condition(left));
  EXPECT_RMW_OK(rmw_trigger_guard_condition(its));
  EXPECT_RMW_OK(rmw_destroy_guard_condition(its));
}

TEST(Contexts, AreMadeAgainAndAgainAndLeaveNothing) {
  size_t before = 0;
  for (int i = 0; i < 300; ++i) {
    Participant participant("again", 98, RMW_AUTOMATIC_DISCOVERY_RANGE_LOCALHOST);
    // rclpy never destroys one service of a node.
    EXPECT_NE(nullptr, participant.forget_service());
    before = i == 20 ? Holdings::now().mappings : before;
  }
  EXPECT_LT(Holdings::now().mappings, before + 20);
}

}  // namespace
