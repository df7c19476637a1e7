#include <vector>

#include "roles.hpp"
#include "ros.hpp"

void many(const Options & options) {
  const auto entities = static_cast<size_t>(options.number("entities"));
  Ros ros("many");
  std::vector<rcl_guard_condition_t> guards(entities, rcl_get_zero_initialized_guard_condition());
  for (auto & guard : guards) {
    check(rcl_guard_condition_init(&guard, ros.context(), rcl_guard_condition_get_default_options()),
          "rcl_guard_condition_init");
  }
  rcl_wait_set_t set = rcl_get_zero_initialized_wait_set();
  check(rcl_wait_set_init(&set, 0, entities, 0, 0, 0, 0, ros.context(), rcl_get_default_allocator()),
        "rcl_wait_set_init");

  std::vector<int64_t> times;
  for (int64_t round = 0; round < options.number("rounds"); ++round) {
    check(rcl_wait_set_clear(&set), "rcl_wait_set_clear");
    for (const auto & guard : guards) {
      check(rcl_wait_set_add_guard_condition(&set, &guard, nullptr), "rcl_wait_set_add_guard_condition");
    }
    // One of them, another each time: what a wait costs that looks at all.
    check(rcl_trigger_guard_condition(&guards[static_cast<size_t>(round) * 7919 % entities]),
          "rcl_trigger_guard_condition");
    const int64_t start = now();
    check(rcl_wait(&set, ns_per_s), "rcl_wait");
    times.push_back(now() - start);
  }
  Result result;
  result.add("p50_us", percentile(times, 0.5) / 1000);
  result.add("p99_us", percentile(times, 0.99) / 1000);
  check(rcl_wait_set_fini(&set), "rcl_wait_set_fini");
  for (auto & guard : guards) {
    check(rcl_guard_condition_fini(&guard), "rcl_guard_condition_fini");
  }
  result.print();
}
