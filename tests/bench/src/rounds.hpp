// What ping and lend have in common: messages there and back, one after the other.
#ifndef ROUNDS_HPP_
#define ROUNDS_HPP_

#include <stdexcept>
#include <vector>

#include "ros.hpp"
#include "tools.hpp"

/// Half of what each round after the warm-up took, ns: --warmup, --rounds. `send(round, start)` publishes on `there`;
/// `is_answer(round)` takes from `back`.
template <class Send, class IsAnswer>
std::vector<int64_t> half_rounds(const Options & options, const Publisher & there, const Subscription & back,
                                 Waiter & waiter, Send && send, IsAnswer && is_answer) {
  const int64_t warmup = options.number("warmup");
  const int64_t rounds = options.number("rounds");
  there.await(1);
  while (back.matched() < 1) {
    sleep_until(now() + ns_per_ms);
  }
  std::vector<int64_t> halves;
  halves.reserve(static_cast<size_t>(rounds));
  for (int64_t round = 1; round <= warmup + rounds && !is_stopped(); ++round) {
    const int64_t start = now();
    send(round, start);
    // The other side's half of the match may come after ours: what it misses then is sent again, in the warm-up only.
    bool answered = false;
    while (!answered && waiter.wait(round <= warmup ? ns_per_s / 5 : 10 * ns_per_s)) {
      answered = is_answer(round);
    }
    if (!answered && round > warmup) {
      throw std::runtime_error("no answer within 10 s");
    }
    if (round > warmup) {
      halves.push_back((now() - start) / 2);
    }
  }
  return halves;
}

#endif  // ROUNDS_HPP_
