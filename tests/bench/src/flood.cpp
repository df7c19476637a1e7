#include <rcl/error_handling.h>
#include <rcl/event.h>

#include <stdexcept>

#include "roles.hpp"
#include "ros.hpp"

namespace {

/// What the RMW itself says it has lost; -1 where it cannot say.
class LostCount {
 public:
  explicit LostCount(const Subscription & subscription) {
    known_ = rcl_subscription_event_init(&event_, subscription.get(), RCL_SUBSCRIPTION_MESSAGE_LOST) == RCL_RET_OK;
    rcl_reset_error();
  }

  ~LostCount() {
    if (known_ && rcl_event_fini(&event_) != RCL_RET_OK) {
      rcl_reset_error();
    }
  }
  LostCount(const LostCount &) = delete;
  LostCount & operator=(const LostCount &) = delete;

  double total() {
    rmw_message_lost_status_t status{};
    if (!known_) {
      return -1;
    }
    if (rcl_take_event(&event_, &status) != RCL_RET_OK) {
      rcl_reset_error();  // Nothing to take: nothing was lost.
    }
    return static_cast<double>(status.total_count);
  }

 private:
  rcl_event_t event_ = rcl_get_zero_initialized_event();
  bool known_;
};

}  // namespace

void flood(const Options & options) {
  Ros ros("flood");
  Publisher publisher(ros, "flood", make_qos(static_cast<size_t>(options.number("depth"))));
  Message message(static_cast<size_t>(options.number("size")));
  publisher.await(1);
  sleep_until(now() + ns_per_s / 10);  // The subscription's half of the match.

  const int64_t start = now();
  const int64_t end = start + options.number("milliseconds") * ns_per_ms;
  int64_t sent = 0;
  int64_t time = start;
  for (; time < end; time = now()) {
    write_stamp(message.data(), {static_cast<uint64_t>(++sent), time});
    publisher.publish(message);
  }
  Result result;
  result.add("sent_per_s", static_cast<double>(sent) / (static_cast<double>(time - start) / ns_per_s));
  result.print();
  // Said again and again, for it may be lost as any other.
  write_stamp(message.data(), {last, sent});
  while (!is_stopped()) {
    publisher.publish(message);
    sleep_until(now() + 10 * ns_per_ms);
  }
}

void drain(const Options & options) {
  const auto size = static_cast<size_t>(options.number("size"));
  Ros ros("drain");
  Subscription subscription(ros, "flood", make_qos(static_cast<size_t>(options.number("depth"))));
  LostCount lost(subscription);
  Waiter waiter(ros, subscription);
  Message message(size);

  uint64_t expected = 1;
  int64_t received = 0;
  int64_t missing = 0;
  int64_t disordered = 0;
  int64_t start = 0;
  int64_t end = 0;
  for (bool done = false; !done;) {
    if (!waiter.wait(30 * ns_per_s)) {
      throw std::runtime_error("no message within 30 s");
    }
    while (!done && subscription.take(message)) {
      const Stamp stamp = read_stamp(message.data());
      if (stamp.sequence == last) {
        missing += stamp.time + 1 - static_cast<int64_t>(expected);
        done = true;
        break;
      }
      start = start == 0 ? stamp.time : start;
      ++received;
      disordered += stamp.sequence < expected ? 1 : 0;
      missing += static_cast<int64_t>(stamp.sequence - expected);
      expected = stamp.sequence + 1;
      if (received % 16 == 0) {
        end = now();
      }
    }
    end = received % 16 == 0 || done ? end : now();
  }
  const double seconds = static_cast<double>(end - start) / ns_per_s;
  Result result;
  result.add("received", static_cast<double>(received));
  result.add("received_per_s", static_cast<double>(received) / seconds);
  result.add("gb_per_s", static_cast<double>(received) * static_cast<double>(size) / seconds / 1e9);
  result.add("missing", static_cast<double>(missing));
  result.add("disordered", static_cast<double>(disordered));
  result.add("reported_lost", lost.total());
  result.print();
}
