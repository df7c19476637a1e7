#include <rmw/rmw.h>

#include <stdexcept>

#include "roles.hpp"
#include "ros.hpp"

void repeat(const Options & options) {
  Ros ros("repeat");
  Publisher publisher(ros, "first", make_qos(10));
  Message message(64);
  const int64_t period = ns_per_s / options.number("rate");
  while (!is_stopped()) {
    write_stamp(message.data(), {1, now()});
    publisher.publish(message);
    sleep_until(now() + period);
  }
}

void first(const Options &) {
  // The RMW's library is loaded before: how long that takes is the disk's matter.
  if (rmw_get_implementation_identifier() == nullptr) {
    throw std::runtime_error("no RMW");
  }
  const int64_t start = now();
  Ros ros("first");
  Subscription subscription(ros, "first", make_qos(10));
  Publisher other(ros, "other", make_qos(10));
  Waiter waiter(ros, subscription);
  Message message(64);
  while (!subscription.take(message)) {
    if (!waiter.wait(30 * ns_per_s)) {
      throw std::runtime_error("no message within 30 s");
    }
  }
  Result result;
  result.add("ms", static_cast<double>(now() - start) / ns_per_ms);
  result.print();
}
