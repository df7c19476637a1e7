// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

// What differs between processors: system calls, registers in a signal's frame, the birth of a thread.
#ifndef X86_64_HPP_
#define X86_64_HPP_

#include <asm/unistd.h>
#include <ucontext.h>
#include <cstdint>
#include <initializer_list>

namespace rmw_ckpt::snapshot {
using Word = std::uint64_t;

/// A system call without the C library: no errno, no cancellation. A failure is the negative error.
inline long raw(long n, Word a = 0, Word b = 0, Word c = 0, Word d = 0, Word e = 0, Word f = 0) {
  register Word r10 asm("r10") = d, r8 asm("r8") = e, r9 asm("r9") = f;
  long result;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

/// A system call that a thread was in, as /proc tells it.
struct Call {
  long number;
  Word arguments[6];
  Word stack, next;
};

/// The registers that a thread keeps outside its signal frame.
struct ThreadBases {
  Word fs, gs;
};

inline ThreadBases bases() {
  ThreadBases b{};
  raw(__NR_arch_prctl, 0x1003, reinterpret_cast<Word>(&b.fs));
  raw(__NR_arch_prctl, 0x1004, reinterpret_cast<Word>(&b.gs));
  return b;
}

inline Word thread_pointer(const ThreadBases & b) {
  return b.fs;
}
inline void set_thread_pointer(Word to) {
  raw(__NR_arch_prctl, 0x1002, to);
}
/// What clone does not set by itself.
inline void set_other_bases(const ThreadBases & b) {
  if (b.gs) {
    raw(__NR_arch_prctl, 0x1001, b.gs);
  }
}

/// Goes back to where the signal came: the frame has registers, floating point state, mask and signal stack.
[[noreturn]] inline void return_from_signal(ucontext_t * frame) {
  asm volatile("mov %0, %%rsp\n mov %1, %%eax\n syscall\n hlt" ::"r"(frame), "i"(__NR_rt_sigreturn) : "memory");
  __builtin_unreachable();
}

/// Goes on in ENTRY on another stack, for ever.
[[noreturn]] inline void go_on(void (*entry)(void *), void * argument, char * stack_end) {
  asm volatile("mov %0, %%rsp\n xor %%ebp, %%ebp\n mov %1, %%rdi\n call *%2\n hlt" ::"r"(stack_end), "r"(argument),
               "r"(entry)
               : "rdi", "memory");
  __builtin_unreachable();
}

/// clone with a stack: the newborn runs ENTRY(ARGUMENT), which never returns. Not clone3, which containers may not
/// have.
inline long born(Word flags, char * stack_end, Word parent_tid, Word child_tid, Word tls, void (*entry)(void *),
                 void * argument) {
  register Word r10 asm("r10") = child_tid, r8 asm("r8") = tls;
  register void * r12 asm("r12") = argument;
  register void (*r13)(void *) asm("r13") = entry;
  long result;
  asm volatile(
      "syscall\n test %%rax, %%rax\n jnz 1f\n"
      "xor %%ebp, %%ebp\n mov %%r12, %%rdi\n call *%%r13\n hlt\n"
      "1:"
      : "=a"(result)
      : "a"(__NR_clone), "D"(flags), "S"(stack_end), "d"(parent_tid), "r"(r10), "r"(r8), "r"(r12), "r"(r13)
      : "rcx", "r11", "memory");
  return result;
}

/// What the kernel calls a handler's end. Raw handlers bring their own.
extern "C" void rmw_ckpt_snapshot_restorer();
#define RMW_CKPT_SNAPSHOT_RESTORER                                                           \
  asm(".text\n.hidden rmw_ckpt_snapshot_restorer\n.globl rmw_ckpt_snapshot_restorer\n.type " \
      "rmw_ckpt_snapshot_restorer,@function\n"                                               \
      "rmw_ckpt_snapshot_restorer:\n mov $15, %eax\n syscall\n")

/// Whether FRAME interrupted CALL with EINTR.
inline bool interrupted(const ucontext_t & frame, const Call & call) {
  auto g = [&](int r) { return static_cast<Word>(frame.uc_mcontext.gregs[r]); };
  return call.number >= 0 && g(REG_RAX) == static_cast<Word>(-4) && g(REG_RIP) == call.next &&
         g(REG_RSP) == call.stack && g(REG_RDI) == call.arguments[0] && g(REG_RSI) == call.arguments[1] &&
         g(REG_RDX) == call.arguments[2] && *reinterpret_cast<const std::uint16_t *>(g(REG_RIP) - 2) == 0x050f;
}

inline Word where(const ucontext_t & frame) {
  return static_cast<Word>(frame.uc_mcontext.gregs[REG_RIP]);
}

inline Word stack_of(const ucontext_t & frame) {
  return static_cast<Word>(frame.uc_mcontext.gregs[REG_RSP]);
}
inline Word first_argument(const ucontext_t & frame) {
  return static_cast<Word>(frame.uc_mcontext.gregs[REG_RDI]);
}

/// Whether the frame is about to make a system call (again).
inline bool at_call(const ucontext_t & frame) {
  const auto p = reinterpret_cast<const std::uint16_t *>(frame.uc_mcontext.gregs[REG_RIP]);
  return *p == 0x050f;
}

/// The word that a futex call which the frame makes again, or is back from, waits for, and its operation; 0 if it is
/// none.
inline Word waited_for(const ucontext_t & frame, const Call & call, int & operation) {
  const auto rip = static_cast<Word>(frame.uc_mcontext.gregs[REG_RIP]);
  const auto p = reinterpret_cast<const std::uint16_t *>(rip);
  operation = static_cast<int>(frame.uc_mcontext.gregs[REG_RSI]) & 127;
  if (p[0] == 0x050f && frame.uc_mcontext.gregs[REG_RAX] == __NR_futex) {
    return first_argument(frame);
  }
  return p[-1] == 0x050f && call.number == __NR_futex && call.next == rip && call.arguments[0] == first_argument(frame)
             ? call.arguments[0]
             : 0;
}

/// Registers that outlive a futex wait, its first two arguments apart: OLD becomes NEW.
inline void replace_kept(ucontext_t & frame, Word old, Word now) {
  for (int r : {REG_RBX, REG_RBP, REG_RDX, REG_R8, REG_R9, REG_R10, REG_R12, REG_R13, REG_R14, REG_R15}) {
    if (static_cast<Word>(frame.uc_mcontext.gregs[r]) == old) {
      frame.uc_mcontext.gregs[r] = static_cast<greg_t>(now);
    }
  }
}

/// Whether a register holds exactly this.
inline bool holds(const ucontext_t & frame, Word value) {
  for (int r = 0; r <= REG_RSP; r++) {
    if (static_cast<Word>(frame.uc_mcontext.gregs[r]) == value) {
      return true;
    }
  }
  return false;
}

/// The frame makes its call again, with one argument (0 to 2) replaced if ARGUMENT is not negative.
inline void call_again(ucontext_t & frame, long number, int argument = -1, Word value = 0) {
  auto & g = frame.uc_mcontext.gregs;
  g[REG_RAX] = number;
  g[REG_RIP] -= 2;
  if (argument >= 0) {
    g[argument == 0 ? REG_RDI : argument == 1 ? REG_RSI : REG_RDX] = static_cast<greg_t>(value);
  }
}
}  // namespace rmw_ckpt::snapshot

#endif  // X86_64_HPP_
