#include <geometry_msgs/msg/pose_with_covariance.h>
#include <rcl/error_handling.h>
#include <rcl_bench/msg/block.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>

#include "roles.hpp"
#include "ros.hpp"
#include "rounds.hpp"

namespace {

struct Pose {
  using Message = geometry_msgs__msg__PoseWithCovariance;
  static const auto * type() { return ROSIDL_GET_MSG_TYPE_SUPPORT(geometry_msgs, msg, PoseWithCovariance); }
  static void fill(Message & message, uint64_t round) { message.covariance[0] = static_cast<double>(round); }
  static uint64_t round_of(const Message & message) { return static_cast<uint64_t>(message.covariance[0]); }
};

struct Block {
  using Message = rcl_bench__msg__Block;
  static const auto * type() { return ROSIDL_GET_MSG_TYPE_SUPPORT(rcl_bench, msg, Block); }
  static void fill(Message & message, uint64_t round) {
    message.stamp = round;
    std::fill(std::begin(message.data), std::end(message.data), static_cast<uint8_t>(round));
  }
  static uint64_t round_of(const Message & message) {
    // Read whole, as a node would; a message whose parts are of different rounds is no answer.
    const bool is_whole = message.data[0] == static_cast<uint8_t>(message.stamp) &&
                          std::memcmp(message.data, message.data + 1, sizeof(message.data) - 1) == 0;
    return is_whole ? message.stamp : 0;
  }
};

/// Publishes a round in a lent message, or in its own where the RMW lends none.
template <class Kind>
void publish(const Publisher & to, uint64_t round, typename Kind::Message & own) {
  if (!rcl_publisher_can_loan_messages(to.get())) {
    Kind::fill(own, round);
    check(rcl_publish(to.get(), &own, nullptr), "rcl_publish");
    return;
  }
  void * lent = nullptr;
  check(rcl_borrow_loaned_message(to.get(), Kind::type(), &lent), "rcl_borrow_loaned_message");
  Kind::fill(*static_cast<typename Kind::Message *>(lent), round);
  check(rcl_publish_loaned_message(to.get(), lent, nullptr), "rcl_publish_loaned_message");
}

/// The next message's round; 0: there is none.
template <class Kind>
uint64_t take(const Subscription & from, typename Kind::Message & own) {
  rmw_message_info_t info;
  void * lent = nullptr;
  const bool lends = rcl_subscription_can_loan_messages(from.get());
  const rcl_ret_t ret =
      lends ? rcl_take_loaned_message(from.get(), &lent, &info, nullptr) : rcl_take(from.get(), &own, &info, nullptr);
  if (ret == RCL_RET_SUBSCRIPTION_TAKE_FAILED) {
    rcl_reset_error();
    return 0;
  }
  check(ret, "take");
  if (!lends) {
    return Kind::round_of(own);
  }
  const uint64_t round = Kind::round_of(*static_cast<const typename Kind::Message *>(lent));
  check(rcl_return_loaned_message_from_subscription(from.get(), lent), "rcl_return_loaned_message_from_subscription");
  return round;
}

template <class Kind>
void lend_all(const Options & options) {
  Ros ros("lend");
  Publisher there(ros, "lent", make_qos(10), Kind::type());
  Subscription back(ros, "returned", make_qos(10), Kind::type());
  Waiter waiter(ros, back);
  const auto own = std::make_unique<typename Kind::Message>();
  std::vector<int64_t> halves = half_rounds(
      options, there, back, waiter,
      [&](int64_t round, int64_t) { publish<Kind>(there, static_cast<uint64_t>(round), *own); },
      [&](int64_t round) { return take<Kind>(back, *own) == static_cast<uint64_t>(round); });
  Result result;
  result.add("p50_us", percentile(halves, 0.5) / 1e3);
  result.add("p99_us", percentile(halves, 0.99) / 1e3);
  result.add("lends", rcl_publisher_can_loan_messages(there.get()) ? 1 : 0);
  result.print();
}

template <class Kind>
void give_all_back() {
  Ros ros("give_back");
  Publisher back(ros, "returned", make_qos(10), Kind::type());
  Subscription there(ros, "lent", make_qos(10), Kind::type());
  Waiter waiter(ros, there);
  const auto own = std::make_unique<typename Kind::Message>();
  while (!is_stopped()) {
    if (waiter.wait(ns_per_s / 10)) {
      const uint64_t round = take<Kind>(there, *own);
      if (round != 0) {
        publish<Kind>(back, round, *own);
      }
    }
  }
}

bool is_large(const Options & options) {
  return options.number("large") != 0;
}

}  // namespace

void lend(const Options & options) {
  is_large(options) ? lend_all<Block>(options) : lend_all<Pose>(options);
}

void give_back(const Options & options) {
  is_large(options) ? give_all_back<Block>() : give_all_back<Pose>();
}
