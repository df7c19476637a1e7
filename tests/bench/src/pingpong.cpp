#include "roles.hpp"
#include "ros.hpp"
#include "rounds.hpp"

void ping(const Options & options) {
  const auto size = static_cast<size_t>(options.number("size"));
  Ros ros("ping");
  Publisher there(ros, "ping", make_qos(10));
  Subscription back(ros, "pong", make_qos(10));
  Waiter waiter(ros, back);
  Message out(size);
  Message in(size);
  std::vector<int64_t> halves = half_rounds(
      options, there, back, waiter,
      [&](int64_t round, int64_t start) {
        write_stamp(out.data(), {static_cast<uint64_t>(round), start});
        there.publish(out);
      },
      [&](int64_t round) { return back.take(in) && read_stamp(in.data()).sequence == static_cast<uint64_t>(round); });
  Result result;
  result.add("p50_us", percentile(halves, 0.5) / 1e3);
  result.add("p99_us", percentile(halves, 0.99) / 1e3);
  result.add("max_us", static_cast<double>(halves.back()) / 1e3);
  result.print();
}

void pong(const Options & options) {
  Ros ros("pong");
  Publisher back(ros, "pong", make_qos(10));
  Subscription there(ros, "ping", make_qos(10));
  Waiter waiter(ros, there);
  Message message(static_cast<size_t>(options.number("size")));
  while (!is_stopped()) {
    if (waiter.wait(ns_per_s / 10) && there.take(message)) {
      back.publish(message);
    }
  }
}
