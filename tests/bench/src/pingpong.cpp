#include <stdexcept>

#include "roles.hpp"
#include "ros.hpp"

void ping(const Options & options) {
  const auto size = static_cast<size_t>(options.number("size"));
  const int64_t warmup = options.number("warmup");
  const int64_t rounds = options.number("rounds");
  Ros ros("ping");
  Publisher there(ros, "ping", make_qos(10));
  Subscription back(ros, "pong", make_qos(10));
  Waiter waiter(ros, back);
  Message out(size);
  Message in(size);
  there.await(1);
  while (back.matched() < 1) {
    sleep_until(now() + ns_per_ms);
  }

  std::vector<int64_t> halves;
  halves.reserve(static_cast<size_t>(rounds));
  for (int64_t round = 1; round <= warmup + rounds && !is_stopped(); ++round) {
    const int64_t start = now();
    write_stamp(out.data(), {static_cast<uint64_t>(round), start});
    there.publish(out);
    // The other side's half of the match may come after ours: what it misses then is sent again, in the warm-up only.
    bool answered = false;
    while (!answered && waiter.wait(round <= warmup ? ns_per_s / 5 : 10 * ns_per_s)) {
      answered = back.take(in) && read_stamp(in.data()).sequence == static_cast<uint64_t>(round);
    }
    if (!answered && round > warmup) {
      throw std::runtime_error("no answer within 10 s");
    }
    if (round > warmup) {
      halves.push_back((now() - start) / 2);
    }
  }
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
