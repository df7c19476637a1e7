// librmw_implementation.so: chooses the RMW at run time. librcl calls rmw_*; this library opens
// lib$RMW_IMPLEMENTATION.so (rmw_fastrtps_cpp when unset or empty) and sends every call there (trampolines.S).
//
// All is resolved once, in a constructor: it runs before that of librcl, which asks for the identifier at once.
// RTLD_LOCAL: the chosen library exports the same names as this one and must not be in their way; what both sides share
// (librmw, librcutils, type supports) is found by its soname and exists once. It is never closed: it has threads.
#define _GNU_SOURCE  // dladdr
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "rcutils/error_handling.h"
#include "rmw/ret_types.h"

extern void * rmw_slots[];  // trampolines.S, in the order of rmw_symbols.inc

static char library[256];
static char problem[1024];  // why the library could not be opened; empty when it was

enum kind {R, P, B};

// Stands in for a function that is not there. When nothing is, rcl prints the error at once (its constructor asks for the
// identifier) and ends the process, or the first call fails with it.
static intptr_t unavailable(const char * name, enum kind kind)
{
  char text[sizeof(problem) + 256];
  if (problem[0] != '\0') {
    snprintf(text, sizeof(text), "%s: %s", name, problem);
  } else {
    snprintf(text, sizeof(text), "%s: %s does not have this function", name, library);
    fprintf(stderr, "rmw selector: %s\n", text);
  }
  rcutils_reset_error();
  rcutils_set_error_state(text, __FILE__, __LINE__);
  if (kind != R) {
    return 0;  // NULL, false
  }
  return problem[0] != '\0' ? RMW_RET_ERROR : RMW_RET_UNSUPPORTED;
}

#define X(kind, name) static intptr_t unavailable_ ## name(void) {return unavailable(#name, kind);}
#include "rmw_symbols.inc"
#undef X

static const struct
{
  const char * name;
  intptr_t (* unavailable)(void);
} functions[] = {
#define X(kind, name) {#name, unavailable_ ## name},
#include "rmw_symbols.inc"
#undef X
};

static void * open_library(void)
{
  const char * wanted = getenv("RMW_IMPLEMENTATION");
  if (wanted == NULL || wanted[0] == '\0') {
    wanted = "rmw_fastrtps_cpp";
  }
  snprintf(library, sizeof(library), "lib%s.so", wanted);
  void * handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) {
    snprintf(
      problem, sizeof(problem), "cannot open %s for RMW_IMPLEMENTATION=%s: %s. Build or install that package and "
      "source its setup file, or unset RMW_IMPLEMENTATION", library, wanted, dlerror());
  }
  return handle;
}

__attribute__((constructor)) static void fill_slots(void)
{
  void * handle = open_library();
  for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); ++i) {
    void * function = handle == NULL ? NULL : dlsym(handle, functions[i].name);
    // dlsym also looks into the library's own dependencies: were this library among them, a function that is missing
    // would be found here and call itself for ever.
    Dl_info there, here;
    if (function != NULL && dladdr(function, &there) != 0 && dladdr(rmw_slots, &here) != 0 &&
      there.dli_fbase == here.dli_fbase)
    {
      function = NULL;
    }
    rmw_slots[i] = function != NULL ? function : (void *)(uintptr_t)functions[i].unavailable;
  }
}
