// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What is made and destroyed again and again leaves this process as it was. RMW_CKPT_CYCLES (300) says how often.
#include <cstdlib>
#include <functional>
#include <memory>
#include <rosidl_typesupport_cpp/message_type_support.hpp>
#include <rosidl_typesupport_cpp/service_type_support.hpp>
#include <test_msgs/msg/basic_types.hpp>
#include <test_msgs/srv/empty.hpp>

#include "fixture.hpp"
#include "holdings.hpp"
#include "large.hpp"

namespace {

using test_msgs::msg::BasicTypes;

class Leaks : public WaitFixture {
 protected:
  static constexpr size_t few_mappings = 12;
  static constexpr size_t few_kb = 2048;

  /// The core's heap grows until it is first worth the trouble to collect it.
  void SetUp() override {
    WaitFixture::SetUp();
    static const bool warm = [&] {
      for (size_t i = 0; i < 10000; ++i) {
        EXPECT_RMW_OK(rmw_destroy_node(rmw_create_node(&context, "warm", "/")));
      }
      return true;
    }();
    EXPECT_TRUE(warm);
  }

  void cycle(const std::function<void()> & once) {
    const char * const text = std::getenv("RMW_CKPT_CYCLES");
    const size_t cycles = text == nullptr ? 300 : std::strtoul(text, nullptr, 10);
    for (size_t i = 0; i < 100; ++i) {
      once();
    }
    // Once the core's heap may grow, by a region of 4 MiB; what leaks lets it grow each time.
    bool has_grown = true;
    for (int tries = 0; tries < 5 && has_grown; ++tries) {
      has_grown = grows(cycles, once);
    }
    EXPECT_FALSE(has_grown);
  }

  /// Whether the process has more memory after so many cycles. It may have no more of anything else.
  static bool grows(size_t cycles, const std::function<void()> & once) {
    const Holdings before = Holdings::now();
    for (size_t i = 0; i < cycles; ++i) {
      once();
    }
    // A thread that is joined may still be on its way out of the kernel.
    Holdings after = Holdings::now();
    (void)eventually([&] {
      after = Holdings::now();
      return after.threads == before.threads && after.mappings <= before.mappings + few_mappings;
    });
    std::cout << cycles << " times: " << before << " -> " << after << std::endl;
    EXPECT_LE(after.mappings, before.mappings + few_mappings);
    EXPECT_EQ(after.descriptors, before.descriptors);
    EXPECT_EQ(after.threads, before.threads);
    return after.memory_kb > before.memory_kb + few_kb;
  }

  rmw_publisher_t * publisher() const { return publisher(message_type, "/leaks"); }

  rmw_subscription_t * subscription() const { return subscription(message_type, "/leaks"); }

  rmw_publisher_t * publisher(const rosidl_message_type_support_t * type, const char * topic) const {
    const rmw_publisher_options_t options = rmw_get_default_publisher_options();
    return rmw_create_publisher(node, type, topic, &rmw_qos_profile_default, &options);
  }

  rmw_subscription_t * subscription(const rosidl_message_type_support_t * type, const char * topic) const {
    const rmw_subscription_options_t options = rmw_get_default_subscription_options();
    return rmw_create_subscription(node, type, topic, &rmw_qos_profile_default, &options);
  }

  const rosidl_message_type_support_t * const message_type =
      rosidl_typesupport_cpp::get_message_type_support_handle<BasicTypes>();
  const rosidl_service_type_support_t * const service_type =
      rosidl_typesupport_cpp::get_service_type_support_handle<test_msgs::srv::Empty>();
};

TEST_F(Leaks, OfNodes) {
  cycle([&] { EXPECT_RMW_OK(rmw_destroy_node(rmw_create_node(&context, "leaks", "/"))); });
}

TEST_F(Leaks, OfPublishers) {
  cycle([&] { EXPECT_RMW_OK(rmw_destroy_publisher(node, publisher())); });
}

TEST_F(Leaks, OfSubscriptions) {
  cycle([&] { EXPECT_RMW_OK(rmw_destroy_subscription(node, subscription())); });
}

TEST_F(Leaks, OfServices) {
  cycle([&] {
    EXPECT_RMW_OK(
        rmw_destroy_service(node, rmw_create_service(node, service_type, "/leaks", &rmw_qos_profile_services_default)));
  });
}

TEST_F(Leaks, OfClients) {
  cycle([&] {
    EXPECT_RMW_OK(
        rmw_destroy_client(node, rmw_create_client(node, service_type, "/leaks", &rmw_qos_profile_services_default)));
  });
}

TEST_F(Leaks, OfGuardConditionsAndWaitSets) {
  cycle([&] {
    EXPECT_RMW_OK(rmw_destroy_guard_condition(rmw_create_guard_condition(&context)));
    EXPECT_RMW_OK(rmw_destroy_wait_set(rmw_create_wait_set(&context, 100)));
  });
}

TEST_F(Leaks, OfContexts) {
  rmw_init_options_t options = make_options();
  options.domain_id = 98;
  cycle([&] {
    rmw_context_t other = rmw_get_zero_initialized_context();
    EXPECT_RMW_OK(rmw_init(&options, &other));
    EXPECT_RMW_OK(rmw_shutdown(&other));
    EXPECT_RMW_OK(rmw_context_fini(&other));
  });
  EXPECT_RMW_OK(rmw_init_options_fini(&options));
}

/// All that a publisher and a subscription can have: each other, messages, events, callbacks, loans.
TEST_F(Leaks, OfWhatHasMatched) {
  cycle([&] {
    auto * const pub = publisher();
    auto * const sub = subscription();
    rmw_event_t event = rmw_get_zero_initialized_event();
    EXPECT_RMW_OK(rmw_publisher_event_init(&event, pub, RMW_EVENT_PUBLICATION_MATCHED));
    EXPECT_RMW_OK(wait(event, later));
    EXPECT_RMW_OK(rmw_subscription_set_on_new_message_callback(
        sub, [](const void *, size_t) {}, nullptr));
    void * lent = nullptr;
    EXPECT_RMW_OK(rmw_borrow_loaned_message(pub, message_type, &lent));
    EXPECT_RMW_OK(rmw_publish_loaned_message(pub, lent, nullptr));
    lent = nullptr;
    bool taken = false;
    EXPECT_RMW_OK(rmw_take_loaned_message(sub, &lent, &taken, nullptr));
    EXPECT_TRUE(taken);
    EXPECT_RMW_OK(rmw_return_loaned_message_from_subscription(sub, lent));
    EXPECT_RMW_OK(rmw_publish(pub, std::make_unique<BasicTypes>().get(), nullptr));
    EXPECT_RMW_OK(rmw_event_fini(&event));
    EXPECT_RMW_OK(rmw_destroy_publisher(node, pub));
    EXPECT_RMW_OK(rmw_destroy_subscription(node, sub));
  });
}

/// Messages that are written where they are read: published, taken and never given back, given back, never published.
TEST_F(Leaks, OfLargeLoans) {
  cycle([&] {
    auto * const sub = subscription(large_type(), "/large_leaks");
    auto * const pub = publisher(large_type(), "/large_leaks");
    for (int i = 0; i < 3; ++i) {
      void * lent = nullptr;
      EXPECT_RMW_OK(rmw_borrow_loaned_message(pub, large_type(), &lent));
      EXPECT_RMW_OK(rmw_publish_loaned_message(pub, lent, nullptr));
    }
    void * lent = nullptr;
    EXPECT_RMW_OK(rmw_borrow_loaned_message(pub, large_type(), &lent));
    bool taken = false;
    for (int i = 0; i < 2; ++i) {
      lent = nullptr;
      EXPECT_TRUE(eventually([&] {
        EXPECT_RMW_OK(rmw_take_loaned_message(sub, &lent, &taken, nullptr));
        return taken;
      }));
      if (i == 0) {
        EXPECT_RMW_OK(rmw_return_loaned_message_from_subscription(sub, lent));
      }
    }
    EXPECT_RMW_OK(rmw_destroy_publisher(node, pub));
    EXPECT_RMW_OK(rmw_destroy_subscription(node, sub));
  });
}

}  // namespace
