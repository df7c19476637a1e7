// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// The slots through which loaded objects call functions of others.
#ifndef SLOTS_HPP_
#define SLOTS_HPP_

#include <dlfcn.h>

namespace rmw_ckpt {

/// Whether an object is meant, by its file's name without folders; "" is the main program.
using Chosen = bool (*)(const char * file);

/// Makes the chosen objects call `replacement` where they call `function`. Never undone: both must stay mapped. Objects
/// that are loaded later are not reached. False when no slot was found, or none could be written.
bool redirect(const char * function, void * replacement, Chosen chosen);

/// A function of a loaded library, as dlsym has libraries. False: it is not there, and `function` is null.
template <class Function>
bool find_function(void * library, const char * name, Function & function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

}  // namespace rmw_ckpt

#endif  // SLOTS_HPP_
