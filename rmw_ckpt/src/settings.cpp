// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "settings.hpp"

#include <strings.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace rmw_ckpt {

bool journals_random() {
  const char * const wanted = std::getenv("RMW_CKPT_RANDOM");
  if (wanted == nullptr || *wanted == '\0' || strcasecmp(wanted, "on") == 0) {
    return true;
  }
  if (strcasecmp(wanted, "off") == 0) {
    return false;
  }
  std::fprintf(stderr, "rmw_ckpt: warning: RMW_CKPT_RANDOM=%s is none of on, off: it is as if it were not set (on)\n",
               wanted);
  return true;
}

uint32_t resumed_domain() {
  const char * const resume = std::getenv("RMW_CKPT_RESUME");
  const char * const at = resume == nullptr ? nullptr : std::strchr(resume, '@');
  // What is malformed the core says, which reads it too.
  return at == nullptr ? 0 : static_cast<uint32_t>(std::strtoul(at + 1, nullptr, 10));
}

}  // namespace rmw_ckpt
