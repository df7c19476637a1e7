// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "asked.hpp"

#include <signal.h>
#include <time.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <utility>

#include "process.hpp"
#include "slots.hpp"

namespace rmw_ckpt {
namespace {

using Handler = void (*)(int, siginfo_t *, void *);

// --- Where it is noted
// ------------------------------------------------------------------------------------------------

/// Changed while it is not shown.
ckpt_asked_place place;
std::atomic<const ckpt_asked_place *> shown{nullptr};
std::atomic<int> noting{0};
std::mutex place_mutex;

/// Async-signal-safe.
void note() {
  if (in_forked_child.load(std::memory_order_relaxed)) {
    return;
  }
  noting.fetch_add(1);
  if (const ckpt_asked_place * const there = shown.load()) {
    struct timespec now {};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    // One that the process has left may be another's by now.
    if (__atomic_load_n(there->owner, __ATOMIC_ACQUIRE) == there->process) {
      __atomic_store_n(there->asked_at, now.tv_sec * INT64_C(1'000'000'000) + now.tv_nsec, __ATOMIC_RELEASE);
    }
  }
  noting.fetch_sub(1);
}

void hide_place() {
  shown = nullptr;
  // A handler takes no time; one that has interrupted this very thread has ended before this goes on.
  while (noting != 0) {
  }
}

// --- Handlers
// ---------------------------------------------------------------------------------------------------------

/// A program's handler and the function that stands before it, for ever: whoever has kept the one as the former
/// handler, to call it or to put it back, has the right one, whatever was installed since. Programs have few of them;
/// what there is no room for is installed as it is.
constexpr size_t capacity = 32;
std::array<std::atomic<Handler>, capacity> handlers;

template <size_t number>
void note_and_handle(int signal, siginfo_t * info, void * context) {
  note();
  // One that asked for the signal's number only gets the rest too, and does not look at it.
  handlers[number].load(std::memory_order_acquire)(signal, info, context);
}

template <size_t... numbers>
constexpr std::array<Handler, capacity> make_fronts(std::index_sequence<numbers...>) {
  return {note_and_handle<numbers>...};
}

constexpr std::array<Handler, capacity> fronts = make_fronts(std::make_index_sequence<capacity>());

/// The handler behind a function before one; of others themselves.
Handler behind(Handler front) {
  for (size_t i = 0; i < capacity; ++i) {
    if (fronts[i] == front) {
      return handlers[i].load(std::memory_order_acquire);
    }
  }
  return front;
}

/// The function before a handler. Async-signal-safe, as sigaction is.
Handler front_of(Handler handler) {
  if (behind(handler) != handler) {
    // Somebody who is not reached by the redirection has read it, and puts it back.
    return handler;
  }
  for (size_t i = 0; i < capacity; ++i) {
    Handler there = handlers[i].load(std::memory_order_acquire);
    if (there == nullptr && handlers[i].compare_exchange_strong(there, handler)) {
      there = handler;
    }
    if (there == handler) {
      return fronts[i];
    }
  }
  return handler;
}

bool asks_for_the_end(int signal) {
  return signal == SIGINT || signal == SIGTERM;
}

/// sa_handler and sa_sigaction are one word; SIG_DFL and SIG_IGN stay what they are.
bool has_handler(const struct sigaction & action) {
  return action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
}

/// Called in place of sigaction.
int sigaction_through_front(int signal, const struct sigaction * action, struct sigaction * former) {
  if (!asks_for_the_end(signal)) {
    return sigaction(signal, action, former);
  }
  struct sigaction fronted {};
  if (action != nullptr) {
    fronted = *action;
    if (has_handler(fronted)) {
      fronted.sa_sigaction = front_of(fronted.sa_sigaction);
    }
    action = &fronted;
  }
  const int result = sigaction(signal, action, former);
  if (result == 0 && former != nullptr && has_handler(*former)) {
    former->sa_sigaction = behind(former->sa_sigaction);
  }
  return result;
}

/// Called in place of signal.
sighandler_t signal_through_front(int number, sighandler_t handler) {
  if (!asks_for_the_end(number)) {
    return signal(number, handler);
  }
  const sighandler_t former = signal(number, handler);
  if (former == SIG_ERR) {
    return former;
  }
  struct sigaction action {};
  if (sigaction(number, nullptr, &action) == 0) {
    (void)sigaction_through_front(number, &action, nullptr);
  }
  struct sigaction before {};
  before.sa_handler = former;
  return has_handler(before) ? (before.sa_sigaction = behind(before.sa_sigaction), before.sa_handler) : former;
}

/// The program, Python, rclcpp and rclpy.
bool handles_signals(const char * file) {
  return *file == '\0' || std::strncmp(file, "libpython", 9) == 0 || std::strncmp(file, "librclcpp.so", 12) == 0 ||
         std::strncmp(file, "_rclpy_pybind11", 15) == 0;
}

void stand_before_handlers() {
  (void)redirect("sigaction", reinterpret_cast<void *>(&sigaction_through_front), handles_signals);
  (void)redirect("signal", reinterpret_cast<void *>(&signal_through_front), handles_signals);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) == 0 && has_handler(action)) {
      (void)sigaction_through_front(signal, &action, nullptr);
    }
  }
}

}  // namespace

void note_asked_in(ckpt_id session) {
  const std::lock_guard<std::mutex> lock(place_mutex);
  hide_place();
  if (rmw_ckpt::core::call(rmw_ckpt::core::asked, session, &place) != CKPT_OK) {
    return;
  }
  shown = &place;
  static std::once_flag once;
  std::call_once(once, stand_before_handlers);
}

void forget_asked() {
  const std::lock_guard<std::mutex> lock(place_mutex);
  hide_place();
}

}  // namespace rmw_ckpt
