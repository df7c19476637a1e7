#include "ros.hpp"

#include <rcl/error_handling.h>
#include <rosidl_runtime_c/primitives_sequence_functions.h>

#include <cstdio>
#include <stdexcept>

#include "tools.hpp"

namespace {

/// For destructors.
void warn(rcl_ret_t ret, const char * what) {
  if (ret != RCL_RET_OK) {
    std::fprintf(stderr, "%s: %s\n", what, rcl_get_error_string().str);
    rcl_reset_error();
  }
}

}  // namespace

void check(rcl_ret_t ret, const char * what) {
  if (ret != RCL_RET_OK) {
    throw std::runtime_error(std::string(what) + ": " + rcl_get_error_string().str);
  }
}

Message::Message(size_t size) {
  if (!std_msgs__msg__UInt8MultiArray__init(&message_) ||
      !rosidl_runtime_c__uint8__Sequence__init(&message_.data, size)) {
    throw std::bad_alloc();
  }
}

Message::~Message() {
  std_msgs__msg__UInt8MultiArray__fini(&message_);
}

Ros::Ros(const std::string & name) {
  rcl_init_options_t options = rcl_get_zero_initialized_init_options();
  check(rcl_init_options_init(&options, rcl_get_default_allocator()), "rcl_init_options_init");
  check(rcl_init(0, nullptr, &options, &context_), "rcl_init");
  check(rcl_init_options_fini(&options), "rcl_init_options_fini");
  const rcl_node_options_t node_options = rcl_node_get_default_options();
  check(rcl_node_init(&node_, name.c_str(), "", &context_, &node_options), "rcl_node_init");
}

Ros::~Ros() {
  warn(rcl_node_fini(&node_), "rcl_node_fini");
  warn(rcl_shutdown(&context_), "rcl_shutdown");
  warn(rcl_context_fini(&context_), "rcl_context_fini");
}

Node::Node(Ros & ros, const std::string & name) {
  const rcl_node_options_t options = rcl_node_get_default_options();
  check(rcl_node_init(&node_, name.c_str(), "", ros.context(), &options), "rcl_node_init");
}

Node::~Node() {
  warn(rcl_node_fini(&node_), "rcl_node_fini");
}

const rosidl_message_type_support_t * message_type() {
  return ROSIDL_GET_MSG_TYPE_SUPPORT(std_msgs, msg, UInt8MultiArray);
}

rmw_qos_profile_t make_qos(size_t depth) {
  rmw_qos_profile_t qos = rmw_qos_profile_default;
  qos.depth = depth;
  return qos;
}

Publisher::Publisher(rcl_node_t * node, const std::string & topic, const rmw_qos_profile_t & qos,
                     const rosidl_message_type_support_t * type)
    : node_(node) {
  rcl_publisher_options_t options = rcl_publisher_get_default_options();
  options.qos = qos;
  check(rcl_publisher_init(&publisher_, node, type, topic.c_str(), &options), "rcl_publisher_init");
}

Publisher::~Publisher() {
  warn(rcl_publisher_fini(&publisher_, node_), "rcl_publisher_fini");
}

size_t Publisher::matched() const {
  size_t count = 0;
  check(rcl_publisher_get_subscription_count(&publisher_, &count), "rcl_publisher_get_subscription_count");
  return count;
}

void Publisher::await(size_t subscriptions) const {
  for (const int64_t deadline = now() + 30 * ns_per_s; matched() < subscriptions;) {
    if (now() > deadline) {
      throw std::runtime_error("the subscriptions do not come");
    }
    sleep_until(now() + ns_per_ms);
  }
}

Subscription::Subscription(Ros & ros, const std::string & topic, const rmw_qos_profile_t & qos,
                           const rosidl_message_type_support_t * type)
    : ros_(ros) {
  rcl_subscription_options_t options = rcl_subscription_get_default_options();
  options.qos = qos;
  check(rcl_subscription_init(&subscription_, ros.node(), type, topic.c_str(), &options), "rcl_subscription_init");
}

Subscription::~Subscription() {
  warn(rcl_subscription_fini(&subscription_, ros_.node()), "rcl_subscription_fini");
}

bool Subscription::take(Message & message) {
  rmw_message_info_t info;
  const rcl_ret_t ret = rcl_take(&subscription_, message.get(), &info, nullptr);
  if (ret == RCL_RET_SUBSCRIPTION_TAKE_FAILED) {
    rcl_reset_error();
    return false;
  }
  check(ret, "rcl_take");
  return true;
}

size_t Subscription::matched() const {
  size_t count = 0;
  check(rcl_subscription_get_publisher_count(&subscription_, &count), "rcl_subscription_get_publisher_count");
  return count;
}

Waiter::Waiter(Ros & ros, const Subscription & subscription) : subscription_(subscription) {
  check(rcl_wait_set_init(&set_, 1, 0, 0, 0, 0, 0, ros.context(), rcl_get_default_allocator()), "rcl_wait_set_init");
}

Waiter::~Waiter() {
  warn(rcl_wait_set_fini(&set_), "rcl_wait_set_fini");
}

bool Waiter::wait(int64_t timeout_ns) {
  check(rcl_wait_set_clear(&set_), "rcl_wait_set_clear");
  check(rcl_wait_set_add_subscription(&set_, subscription_.get(), nullptr), "rcl_wait_set_add_subscription");
  const rcl_ret_t ret = rcl_wait(&set_, timeout_ns);
  if (ret == RCL_RET_TIMEOUT) {
    rcl_reset_error();
    return false;
  }
  check(ret, "rcl_wait");
  return true;
}
