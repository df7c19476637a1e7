#include <geometry_msgs/msg/pose_with_covariance.h>
#include <rcl/error_handling.h>

#include "roles.hpp"
#include "ros.hpp"
#include "rounds.hpp"

namespace {

using Pose = geometry_msgs__msg__PoseWithCovariance;

const rosidl_message_type_support_t * type() { return ROSIDL_GET_MSG_TYPE_SUPPORT(geometry_msgs, msg, PoseWithCovariance); }

/// Publishes a stamp in a lent message, or in its own where the RMW lends none.
void publish(const Publisher & to, double stamp) {
  if (!rcl_publisher_can_loan_messages(to.get())) {
    Pose own{};
    own.covariance[0] = stamp;
    check(rcl_publish(to.get(), &own, nullptr), "rcl_publish");
    return;
  }
  void * lent = nullptr;
  check(rcl_borrow_loaned_message(to.get(), type(), &lent), "rcl_borrow_loaned_message");
  static_cast<Pose *>(lent)->covariance[0] = stamp;
  check(rcl_publish_loaned_message(to.get(), lent, nullptr), "rcl_publish_loaned_message");
}

/// The next message's stamp; negative: there is none.
double take(const Subscription & from) {
  rmw_message_info_t info;
  Pose own{};
  void * lent = nullptr;
  const bool lends = rcl_subscription_can_loan_messages(from.get());
  const rcl_ret_t ret = lends ? rcl_take_loaned_message(from.get(), &lent, &info, nullptr)
                              : rcl_take(from.get(), &own, &info, nullptr);
  if (ret == RCL_RET_SUBSCRIPTION_TAKE_FAILED) {
    rcl_reset_error();
    return -1;
  }
  check(ret, "take");
  if (!lends) {
    return own.covariance[0];
  }
  const double stamp = static_cast<const Pose *>(lent)->covariance[0];
  check(rcl_return_loaned_message_from_subscription(from.get(), lent), "rcl_return_loaned_message_from_subscription");
  return stamp;
}

}  // namespace

void lend(const Options & options) {
  Ros ros("lend");
  Publisher there(ros, "lent", make_qos(10), type());
  Subscription back(ros, "returned", make_qos(10), type());
  Waiter waiter(ros, back);
  std::vector<int64_t> halves = half_rounds(
      options, there, back, waiter, [&](int64_t round, int64_t) { publish(there, static_cast<double>(round)); },
      [&](int64_t round) { return take(back) == static_cast<double>(round); });
  Result result;
  result.add("p50_us", percentile(halves, 0.5) / 1e3);
  result.add("p99_us", percentile(halves, 0.99) / 1e3);
  result.add("lends", rcl_publisher_can_loan_messages(there.get()) ? 1 : 0);
  result.print();
}

void give_back(const Options &) {
  Ros ros("give_back");
  Publisher back(ros, "returned", make_qos(10), type());
  Subscription there(ros, "lent", make_qos(10), type());
  Waiter waiter(ros, there);
  while (!is_stopped()) {
    if (waiter.wait(ns_per_s / 10)) {
      const double stamp = take(there);
      if (stamp >= 0) {
        publish(back, stamp);
      }
    }
  }
}
