// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "process.hpp"

#include <dlfcn.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <string_view>

#include "asked.hpp"
#include "determinants.hpp"
#include "slots.hpp"
#include "timers.hpp"
#ifdef RMW_CKPT_SNAPSHOTS
#include "snapshots.hpp"
#endif

namespace rmw_ckpt {

std::atomic<bool> in_forked_child{false};

namespace {

void on_fork_in_child() {
  in_forked_child.store(true, std::memory_order_relaxed);
}

void on_exit() {
  if (!in_forked_child.load(std::memory_order_relaxed)) {
    rmw_ckpt::core::call(rmw_ckpt::core::leave);
#ifdef RMW_CKPT_SNAPSHOTS
    end_snapshots();
#endif
  }
}

/// .NET's runtime registers for membarrier(2) when it starts. In a process that has threads by then the kernel lets
/// that wait for 10 ms and more; when this library is loaded most have none.
__attribute__((constructor)) void register_membarrier() {
  (void)syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
}

/// .NET's runtime ignores SIGPIPE for the whole process when it starts; hosts rely on their own choice.
class KeptSigpipe {
 public:
  KeptSigpipe() : known_(sigaction(SIGPIPE, nullptr, &action_) == 0) {}
  ~KeptSigpipe() {
    if (known_) {
      (void)sigaction(SIGPIPE, &action_, nullptr);
    }
  }
  KeptSigpipe(const KeptSigpipe &) = delete;
  KeptSigpipe & operator=(const KeptSigpipe &) = delete;

 private:
  struct sigaction action_ {};
  bool known_;
};

/// Python's question whether it takes its modules down; null: there is no Python.
int (*is_python_finalizing)() = nullptr;

/// Python's global lock: the calling thread's state there, and the state of who has the lock. Both are null while
/// Python is not up, of which PyGILState_Check says that the lock is had.
void * (*own_python_state)() = nullptr;
void * (*running_python_state)() = nullptr;
void * (*save_python_thread)() = nullptr;
void (*restore_python_thread)(void *) = nullptr;

void * let_python_go() {
  void * const own = own_python_state();
  if (own == nullptr || own != running_python_state() ||
      (is_python_finalizing != nullptr && is_python_finalizing() != 0)) {
    return nullptr;
  }
  return save_python_thread();
}

void take_python_back(void * held) {
  restore_python_thread(held);
}

void lend_python_lock() {
  if (find_function(RTLD_DEFAULT, "PyGILState_GetThisThreadState", own_python_state) &&
      (find_function(RTLD_DEFAULT, "PyThreadState_GetUnchecked", running_python_state) ||  // since Python 3.13
       find_function(RTLD_DEFAULT, "_PyThreadState_UncheckedGet", running_python_state)) &&
      find_function(RTLD_DEFAULT, "PyEval_SaveThread", save_python_thread) &&
      find_function(RTLD_DEFAULT, "PyEval_RestoreThread", restore_python_thread)) {
    core::call(core::host_lock, &let_python_go, &take_python_back);
  }
}

/// Where Python is the program: one that has Python within it may go on when it has taken that down.
bool is_python_itself() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
  const std::string_view program(path, size > 0 ? static_cast<size_t>(size) : 0);
  return program.substr(program.rfind('/') + 1).rfind("python", 0) == 0;
}

void find_python() {
  if (!is_python_itself()) {
    return;
  }
  (void)(find_function(RTLD_DEFAULT, "Py_IsFinalizing", is_python_finalizing) ||
         find_function(RTLD_DEFAULT, "_Py_IsFinalizing", is_python_finalizing));
}

}  // namespace

void note_exit() {
  if (is_python_finalizing != nullptr && is_python_finalizing() != 0) {
    on_exit();
  }
}

rmw_ret_t fail_forked() {
  return fail_with(RMW_RET_ERROR,
                   "rmw_ckpt cannot be used in a child process made by fork() after rmw_init: start a new program "
                   "(exec) in the child, or call fork() before rmw_init");
}

rmw_ret_t join(uint32_t domain, ckpt_id * session) {
  RMW_CKPT_CAN_FAIL(RMW_RET_ERROR)
  static std::once_flag handlers;
  // Before the core starts: once it has threads, a fork is no longer harmless.
  std::call_once(handlers, [] { (void)pthread_atfork(nullptr, nullptr, on_fork_in_child); });
  {
    const KeptSigpipe kept;
    const ckpt_code code = rmw_ckpt::core::call(rmw_ckpt::core::init, domain, session);
    if (code != CKPT_OK) {
      return fail(code, "cannot join the domain");
    }
  }
  static std::once_flag started;
  std::call_once(started, [] {
    (void)std::atexit(on_exit);
    find_python();
    lend_python_lock();
    redirect_clock();
    redirect_random();
  });
  redirect_timers();
  note_asked_in(*session);
#ifdef RMW_CKPT_SNAPSHOTS
  take_snapshots_for(*session);
#endif
  return RMW_RET_OK;
}

}  // namespace rmw_ckpt
