// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What the middleware warns of while one of these lives.
#ifndef WARNINGS_HPP_
#define WARNINGS_HPP_

#include <gtest/gtest.h>
#include <rcutils/logging.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

class Warnings {
 public:
  Warnings() {
    said.clear();
    EXPECT_EQ(RCUTILS_RET_OK, rcutils_logging_initialize());
    rcutils_logging_set_output_handler(&keep);
  }
  ~Warnings() { rcutils_logging_set_output_handler(before_); }
  Warnings(const Warnings &) = delete;
  Warnings & operator=(const Warnings &) = delete;

  static inline std::vector<std::string> said;

 private:
  static void keep(const rcutils_log_location_t *, int severity, const char * name, rcutils_time_point_value_t,
                   const char * format, va_list * args) {
    if (severity >= RCUTILS_LOG_SEVERITY_WARN && std::strcmp(name, "rmw_ckpt") == 0) {
      char text[1024];
      std::vsnprintf(text, sizeof(text), format, *args);
      said.emplace_back(text);
    }
  }

  const rcutils_logging_output_handler_t before_ = rcutils_logging_get_output_handler();
};

#endif  // WARNINGS_HPP_
