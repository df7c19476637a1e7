// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// A process that is snapshotted, killed and revived, and what its test wants to know of it.
#ifndef SCENARIO_HPP_
#define SCENARIO_HPP_

#include "snapshot.hpp"

#include <atomic>
#include <string>

namespace scenario {
using rmw_ckpt::snapshot::Orders;
using rmw_ckpt::snapshot::Report;

/// Shared by the test and all lives of its process.
struct Shared {
  Orders orders;
  std::atomic<int> ready;             // the process is as its snapshot is to find it
  std::atomic<int> ask, taken;        // a snapshot
  std::atomic<int> life;              // raised by each life once its engine runs
  std::atomic<int> claim;             // who has it: 0, nobody
  std::atomic<int> done;              // a life has looked at all, and found it good or said what was not
  std::atomic<int> number[16];        // the scenario's own
  rmw_ckpt::snapshot::Word patience;  // of a child whose process has ended, ns
  char wrong[256];
  Report report;
  bool refused;
};

extern Shared * shared;
/// In the process: the descriptor of the folder that its logs are in, if it has any.
extern const std::uint32_t * logs_folder;

/// In the process: what is not as it should be; the first is kept.
void wrong(const std::string & what);
#define EXPECT(condition)                                       \
  do {                                                          \
    if (!(condition)) {                                         \
      scenario::wrong(std::string(__func__) + ": " #condition); \
    }                                                           \
  } while (false)

/// In the process: its engine, on a thread of its own.
void start_engine();
/// In the process: all is set up. Returns in each life but the first, with its number.
int await_next_life(int known);
void set_and_wake(std::atomic<int> &, int value);
/// Waits until it is at least VALUE; false after SECONDS.
bool await(std::atomic<int> &, int value, int seconds = 10);

/// In the test.
class Process {
 public:
  explicit Process(void (*body)());
  ~Process();
  bool snapshot();         // false: refused, and not for a moment, as on a machine that is busy
  bool ask();              // false: refused
  void kill();             // and waits for its end
  bool revive();           // and waits until its engine runs
  void round(int number);  // snapshot, kill, revive, and the life says that all is well
  int pid;
};
void check(bool good, const char * what);

void threads();
void pending();
void stubborn();
void locks();
void files();
void locked();
void contained();
void lines();
void hidden();
void covered();
void events();
void pipes();
void sockets();
void twice();
void superseded();
void claimed();
void forgotten();
void memfd();
void starting();
void unforked();
void timed();
void socket();
}  // namespace scenario

#endif  // SCENARIO_HPP_
