// rcl_bench ROLE --name value...: one process of one line of the benchmark. tests/bench/run starts them.
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>

#include "roles.hpp"

int main(int argc, char ** argv) {
  static const std::map<std::string, void (*)(const Options &)> roles = {
      {"ping", ping},     {"pong", pong},           {"flood", flood},   {"drain", drain},   {"fan_out", fan_out},
      {"fan_in", fan_in}, {"match", match},         {"repeat", repeat}, {"first", first},   {"many", many},
      {"lend", lend},     {"give_back", give_back}, {"crowd", crowd},   {"census", census},
  };
  const auto role = roles.find(argc > 1 ? argv[1] : "");
  if (role == roles.end()) {
    std::fputs("usage: rcl_bench ROLE --name value...   (see src/roles.hpp)\n", stderr);
    return 2;
  }
  alarm(120);  // Whatever hangs is ended by the kernel, also if nobody is left who would.
  stop_on_sigterm();
  try {
    role->second(Options(argc, argv));
  } catch (const std::exception & e) {
    std::fprintf(stderr, "rcl_bench %s: %s\n", argv[1], e.what());
    return 1;
  }
  return 0;
}
