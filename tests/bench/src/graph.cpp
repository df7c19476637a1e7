#include <rcl/graph.h>

#include <memory>
#include <stdexcept>

#include "roles.hpp"
#include "ros.hpp"

void crowd(const Options & options) {
  Ros ros("crowd");
  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<std::unique_ptr<Publisher>> publishers;
  const int64_t start = now();
  for (int64_t i = 0; i < options.number("nodes"); ++i) {
    nodes.push_back(std::make_unique<Node>(ros, "n" + std::to_string(i)));
    for (int64_t j = 0; j < options.number("topics"); ++j) {
      const std::string topic = "crowd_" + std::to_string(i) + "_" + std::to_string(j);
      publishers.push_back(std::make_unique<Publisher>(*nodes.back(), topic, make_qos(1)));
    }
  }
  Result result;
  result.add("made_s", static_cast<double>(now() - start) / ns_per_s);
  result.add("at_ms", static_cast<double>(now()) / ns_per_ms);
  result.print();
  while (!is_stopped()) {
    sleep_until(now() + 10 * ns_per_ms);
  }
}

void census(const Options & options) {
  Ros ros("census");
  const auto wanted = static_cast<size_t>(options.number("topics"));
  rcl_allocator_t allocator = rcl_get_default_allocator();
  size_t seen = 0;
  int64_t asked = 0;
  for (const int64_t deadline = now() + 90 * ns_per_s; seen < wanted; sleep_until(now() + ns_per_ms)) {
    if (now() > deadline) {
      throw std::runtime_error("the topics do not come");
    }
    const int64_t start = now();
    rcl_names_and_types_t names = rcl_get_zero_initialized_names_and_types();
    check(rcl_get_topic_names_and_types(ros.node(), &allocator, false, &names), "rcl_get_topic_names_and_types");
    asked = now() - start;
    seen = 0;
    for (size_t i = 0; i < names.names.size; ++i) {
      seen += std::string(names.names.data[i]).rfind("/crowd_", 0) == 0 ? 1 : 0;
    }
    check(rcl_names_and_types_fini(&names), "rcl_names_and_types_fini");
  }
  Result result;
  result.add("at_ms", static_cast<double>(now()) / ns_per_ms);
  result.add("asked_ms", static_cast<double>(asked) / ns_per_ms);
  result.print();
}
