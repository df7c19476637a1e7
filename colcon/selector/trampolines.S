/* One jump per rmw_* function through its slot in the table that selector.c fills. No register and no stack slot is
   touched, so this serves every signature. */
#if defined(__x86_64__)
#define JUMP(name) endbr64; jmp *slot_##name(%rip)
#elif defined(__aarch64__)
#define JUMP(name) hint 34; adrp x16, slot_##name; ldr x16, [x16, :lo12:slot_##name]; br x16
#else
#error "selector: only x86-64 and aarch64"
#endif

#define X(kind, name) \
  .text; .balign 16; .globl name; .type name, %function; name: JUMP(name); .size name, . - name; \
  .data; .balign 8; slot_##name: .quad 0;

  .data
  .balign 8
  .globl rmw_slots
  .hidden rmw_slots
rmw_slots:
#include "rmw_symbols.inc"
  .section .note.GNU-stack, "", %progbits
