#include "roles.hpp"
#include "ros.hpp"

void fan_out(const Options & options) {
  Ros ros("fan_out");
  Publisher publisher(ros, "fan", make_qos(10));
  Message message(static_cast<size_t>(options.number("size")));
  publisher.await(static_cast<size_t>(options.number("subscribers")));
  sleep_until(now() + ns_per_s / 5);  // The subscriptions' halves of the match.

  const double before = cpu_seconds();
  const int64_t period = ns_per_s / options.number("rate");
  const int64_t count = options.number("seconds") * options.number("rate");
  int64_t next = now();
  for (int64_t i = 1; i <= count; ++i) {
    sleep_until(next += period);
    write_stamp(message.data(), {static_cast<uint64_t>(i), now()});
    publisher.publish(message);
  }
  const double used = cpu_seconds() - before;
  for (int i = 0; i < 10; ++i) {  // May be lost as any other.
    write_stamp(message.data(), {last, count});
    publisher.publish(message);
    sleep_until(now() + 20 * ns_per_ms);
  }
  Result result;
  result.add("cpu_s", used);
  result.print();
}

void fan_in(const Options & options) {
  Ros ros("fan_in");
  Subscription subscription(ros, "fan", make_qos(10));
  Waiter waiter(ros, subscription);
  Message message(static_cast<size_t>(options.number("size")));

  std::vector<int64_t> latencies;
  latencies.reserve(1 << 16);
  double before = cpu_seconds();
  bool done = false;
  while (!done && !is_stopped()) {
    // One take a wait, as executors do.
    if (waiter.wait(ns_per_s / 10) && subscription.take(message)) {
      const Stamp stamp = read_stamp(message.data());
      done = stamp.sequence == last;
      before = latencies.empty() ? cpu_seconds() : before;
      if (!done) {
        latencies.push_back(now() - stamp.time);
      }
    }
  }
  Result result;
  result.add("cpu_s", cpu_seconds() - before);
  result.add("received", static_cast<double>(latencies.size()));
  result.add("p50_us", percentile(latencies, 0.5) / 1e3);
  result.add("p99_us", percentile(latencies, 0.99) / 1e3);
  result.print();
}
