#include "tools.hpp"

#include <rmw/rmw.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace {

std::atomic<bool> stopped{false};

}  // namespace

Options::Options(int argc, char ** argv) {
  for (int i = 2; i < argc; i += 2) {
    if (std::strncmp(argv[i], "--", 2) != 0 || i + 1 == argc) {
      throw std::runtime_error(std::string("expected --name value, not ") + argv[i]);
    }
    values_[argv[i] + 2] = argv[i + 1];
  }
}

const std::string & Options::text(const std::string & name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) {
    throw std::runtime_error("--" + name + " is missing");
  }
  return found->second;
}

int64_t Options::number(const std::string & name) const {
  return std::stoll(text(name));
}

int64_t now() {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * ns_per_s + time.tv_nsec;
}

void sleep_until(int64_t time) {
  const struct timespec until = {time / ns_per_s, time % ns_per_s};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) != 0 && !is_stopped()) {
  }
}

void write_stamp(uint8_t * payload, const Stamp & stamp) {
  std::memcpy(payload, &stamp, sizeof(stamp));
}

Stamp read_stamp(const uint8_t * payload) {
  Stamp stamp;
  std::memcpy(&stamp, payload, sizeof(stamp));
  return stamp;
}

double percentile(std::vector<int64_t> & values, double share) {
  if (values.empty()) {
    throw std::runtime_error("nothing was measured");
  }
  std::sort(values.begin(), values.end());
  return static_cast<double>(values[std::min(values.size() - 1, static_cast<size_t>(share * values.size()))]);
}

double cpu_seconds() {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

bool is_stopped() {
  return stopped.load(std::memory_order_relaxed);
}

void stop_on_sigterm() {
  struct sigaction action {};
  action.sa_handler = [](int) { stopped.store(true, std::memory_order_relaxed); };
  sigaction(SIGTERM, &action, nullptr);
}

void Result::add(const std::string & name, double value) {
  values_.emplace_back(name, value);
}

void Result::print() const {
  // The RMW that really ran: a selector that ignores RMW_IMPLEMENTATION must not go unnoticed.
  std::printf("{\"rmw\": \"%s\"", rmw_get_implementation_identifier());
  for (const auto & [name, value] : values_) {
    std::printf(", \"%s\": %.9g", name.c_str(), value);
  }
  std::printf("}\n");
  std::fflush(stdout);
}
