// The little of rcl that the roles use, with errors as exceptions. All is finished in the order that rcl wants: a DDS
// participant that ends without a word costs those who come after it seconds.
#ifndef ROS_HPP_
#define ROS_HPP_

#include <rcl/rcl.h>
#include <std_msgs/msg/u_int8_multi_array.h>

#include <cstdint>
#include <string>

void check(rcl_ret_t ret, const char * what);

/// A UInt8MultiArray of a fixed size.
class Message {
 public:
  explicit Message(size_t size);
  ~Message();
  Message(const Message &) = delete;
  Message & operator=(const Message &) = delete;
  uint8_t * data() { return message_.data.data; }
  std_msgs__msg__UInt8MultiArray * get() { return &message_; }

 private:
  std_msgs__msg__UInt8MultiArray message_{};
};

/// A context and a node.
class Ros {
 public:
  explicit Ros(const std::string & name);
  ~Ros();
  Ros(const Ros &) = delete;
  Ros & operator=(const Ros &) = delete;
  rcl_context_t * context() { return &context_; }
  rcl_node_t * node() { return &node_; }

 private:
  rcl_context_t context_ = rcl_get_zero_initialized_context();
  rcl_node_t node_ = rcl_get_zero_initialized_node();
};

/// One more node of a context.
class Node {
 public:
  Node(Ros & ros, const std::string & name);
  ~Node();
  Node(const Node &) = delete;
  Node & operator=(const Node &) = delete;
  rcl_node_t * node() { return &node_; }

 private:
  rcl_node_t node_ = rcl_get_zero_initialized_node();
};

/// Of Message.
const rosidl_message_type_support_t * message_type();

/// Default QoS but for the depth.
rmw_qos_profile_t make_qos(size_t depth);

class Publisher {
 public:
  /// Of a Ros or a Node.
  template <class Owner>
  Publisher(Owner & owner, const std::string & topic, const rmw_qos_profile_t & qos,
            const rosidl_message_type_support_t * type = message_type())
      : Publisher(owner.node(), topic, qos, type) {}
  Publisher(rcl_node_t * node, const std::string & topic, const rmw_qos_profile_t & qos,
            const rosidl_message_type_support_t * type);
  ~Publisher();
  Publisher(const Publisher &) = delete;
  Publisher & operator=(const Publisher &) = delete;
  void publish(Message & message) { check(rcl_publish(&publisher_, message.get(), nullptr), "rcl_publish"); }
  size_t matched() const;
  /// Waits for so many subscriptions; throws after half a minute.
  void await(size_t subscriptions) const;
  const rcl_publisher_t * get() const { return &publisher_; }

 private:
  rcl_node_t * node_;
  rcl_publisher_t publisher_ = rcl_get_zero_initialized_publisher();
};

class Subscription {
 public:
  Subscription(Ros & ros, const std::string & topic, const rmw_qos_profile_t & qos,
               const rosidl_message_type_support_t * type = message_type());
  ~Subscription();
  Subscription(const Subscription &) = delete;
  Subscription & operator=(const Subscription &) = delete;
  /// False: there is none.
  bool take(Message & message);
  size_t matched() const;
  const rcl_subscription_t * get() const { return &subscription_; }

 private:
  Ros & ros_;
  rcl_subscription_t subscription_ = rcl_get_zero_initialized_subscription();
};

/// Waits for one subscription, as an executor does: cleared and filled anew each time.
class Waiter {
 public:
  Waiter(Ros & ros, const Subscription & subscription);
  ~Waiter();
  Waiter(const Waiter &) = delete;
  Waiter & operator=(const Waiter &) = delete;
  /// False: time-out.
  bool wait(int64_t timeout_ns);

 private:
  const Subscription & subscription_;
  rcl_wait_set_t set_ = rcl_get_zero_initialized_wait_set();
};

#endif  // ROS_HPP_
