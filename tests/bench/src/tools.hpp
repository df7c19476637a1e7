// What every role needs besides ROS: options, time, stamps in payloads, percentiles, CPU time, one line of JSON.
#ifndef TOOLS_HPP_
#define TOOLS_HPP_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// "--name value" pairs of the command line. A missing option is an error, so that no figure is made by accident.
class Options {
 public:
  Options(int argc, char ** argv);
  const std::string & text(const std::string & name) const;
  int64_t number(const std::string & name) const;

 private:
  std::map<std::string, std::string> values_;
};

constexpr int64_t ns_per_s = 1'000'000'000;
constexpr int64_t ns_per_ms = 1'000'000;

/// CLOCK_MONOTONIC: the same in all processes of the host.
int64_t now();
void sleep_until(int64_t time);

/// The first bytes of every payload.
struct Stamp {
  uint64_t sequence;  ///< From 1; `last` ends a run.
  int64_t time;       ///< now() before the publish; in the last message: how many were published before it.
};
constexpr uint64_t last = UINT64_MAX;

void write_stamp(uint8_t * payload, const Stamp & stamp);
Stamp read_stamp(const uint8_t * payload);

/// Sorts `values`. `share`: 0.5 is the median.
double percentile(std::vector<int64_t> & values, double share);

/// CPU time of this process so far, user and system, s.
double cpu_seconds();

/// SIGTERM was received: roles that serve others until then.
bool is_stopped();
void stop_on_sigterm();

/// Collects what a role has measured and prints it on stdout as one JSON object.
class Result {
 public:
  void add(const std::string & name, double value);
  void print() const;

 private:
  std::vector<std::pair<std::string, double>> values_;
};

#endif  // TOOLS_HPP_
