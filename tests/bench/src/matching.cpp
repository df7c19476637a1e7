#include <memory>
#include <stdexcept>

#include "roles.hpp"
#include "ros.hpp"

void match(const Options & options) {
  const int64_t index = options.number("index");
  const int64_t topics = options.number("topics");
  const int64_t neighbour = (index + 1) % options.number("processes");
  const int64_t start = options.number("start");
  if (now() > start) {
    throw std::runtime_error("this process came to life after the start: the machine is too slow for this --start");
  }
  sleep_until(start);

  // A ring: each process hears the next one's topics, so every topic has one publisher and one subscription.
  const auto topic = [](int64_t process, int64_t i) {
    return "match_" + std::to_string(process) + "_" + std::to_string(i);
  };
  Ros ros("match_" + std::to_string(index));
  std::vector<std::unique_ptr<Publisher>> publishers;
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (int64_t i = 0; i < topics; ++i) {
    publishers.push_back(std::make_unique<Publisher>(ros, topic(index, i), make_qos(10)));
    subscriptions.push_back(std::make_unique<Subscription>(ros, topic(neighbour, i), make_qos(10)));
  }
  const int64_t made = now();

  size_t publisher = 0;
  size_t subscription = 0;
  while (true) {
    while (publisher < publishers.size() && publishers[publisher]->matched() > 0) {
      ++publisher;
    }
    while (subscription < subscriptions.size() && subscriptions[subscription]->matched() > 0) {
      ++subscription;
    }
    if (publisher == publishers.size() && subscription == subscriptions.size()) {
      break;
    }
    if (now() > start + 60 * ns_per_s) {
      throw std::runtime_error("not matched within a minute: publisher of " +
                               topic(index, static_cast<int64_t>(publisher)) + " or subscription of " +
                               topic(neighbour, static_cast<int64_t>(subscription)) + ", the first that are not");
    }
    sleep_until(now() + ns_per_ms);
  }
  const int64_t matched = now();
  Result result;
  result.add("made_s", static_cast<double>(made - start) / ns_per_s);
  result.add("matched_s", static_cast<double>(matched - start) / ns_per_s);
  result.print();
  while (!is_stopped()) {  // The others still need this process' endpoints.
    sleep_until(now() + 10 * ns_per_ms);
  }
}
