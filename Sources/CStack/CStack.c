// CStack.c: the switch between two stacks of one thread, and memory for them.
//
//   x86-64, from the frame's address up          arm64
//   ┌───────────────────────────┐  +0            ┌───────────────────────────┐  +0
//   │ mxcsr (4) │ x87 word (4)  │                │ x19 x20 … x27 x28         │
//   │ r15 r14 r13 r12 rbx rbp   │                │ x29 x30 (where to go on)  │  +80
//   │ where to go on            │  +56           │ d8 … d15                  │  +96
//   └───────────────────────────┘  +64           └───────────────────────────┘  +160
//
// These are the registers that a call must leave as they were; all others the compiler has put away before it calls
// martlet_switch. A new stack gets such a frame by hand: it goes on at martlet_begin, which finds the body and its
// argument in two of those registers.
#define _GNU_SOURCE
#include "CStack.h"
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MARTLET_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define MARTLET_TSAN 1
#endif
#endif
#ifdef MARTLET_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef MARTLET_TSAN
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
#endif

/// Saves the running side's frame at *from and goes on with the side whose frame is `to`.
void martlet_switch(void **from, void *to);
void martlet_begin(void);

#if defined(__x86_64__)
__asm__(
    ".text\n.p2align 4\n.globl martlet_switch\n.hidden martlet_switch\n.type martlet_switch,@function\n"
    "martlet_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  subq $8, %rsp\n  stmxcsr (%rsp)\n  fnstcw 4(%rsp)\n"
    "  movq %rsp, (%rdi)\n"
    "  movq %rsi, %rsp\n"
    "  ldmxcsr (%rsp)\n  fldcw 4(%rsp)\n  addq $8, %rsp\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
    "  ret\n"
    ".size martlet_switch,.-martlet_switch\n"
    // The frame's address was a multiple of 16, so it is one here, too, and a call makes the misalignment that is usual.
    ".p2align 4\n.globl martlet_begin\n.hidden martlet_begin\n.type martlet_begin,@function\n"
    "martlet_begin:\n  .cfi_startproc\n  .cfi_undefined rip\n"
    "  movq %r12, %rdi\n  callq *%r13\n  ud2\n"
    "  .cfi_endproc\n.size martlet_begin,.-martlet_begin\n");

static void *first_frame(char *top, void (*body)(void *), void *argument) {
  uint64_t *frame = (uint64_t *)(top - 64);
  uint32_t mxcsr;
  uint16_t x87;
  __asm__ volatile("stmxcsr %0\n fnstcw %1" : "=m"(mxcsr), "=m"(x87));
  frame[0] = mxcsr | (uint64_t)x87 << 32;
  for (int index = 1; index < 7; index++) frame[index] = 0;
  frame[3] = (uint64_t)body;      // r13
  frame[4] = (uint64_t)argument;  // r12
  frame[7] = (uint64_t)martlet_begin;
  return frame;
}
#elif defined(__aarch64__)
__asm__(
    ".text\n.p2align 4\n.globl martlet_switch\n.hidden martlet_switch\n.type martlet_switch,%function\n"
    "martlet_switch:\n"
    "  sub sp, sp, #160\n"
    "  stp x19, x20, [sp, #0]\n  stp x21, x22, [sp, #16]\n  stp x23, x24, [sp, #32]\n"
    "  stp x25, x26, [sp, #48]\n  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n"
    "  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
    "  mov x9, sp\n  str x9, [x0]\n  mov sp, x1\n"
    "  ldp x19, x20, [sp, #0]\n  ldp x21, x22, [sp, #16]\n  ldp x23, x24, [sp, #32]\n"
    "  ldp x25, x26, [sp, #48]\n  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n"
    "  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"
    "  add sp, sp, #160\n  ret\n"
    ".size martlet_switch,.-martlet_switch\n"
    ".p2align 4\n.globl martlet_begin\n.hidden martlet_begin\n.type martlet_begin,%function\n"
    "martlet_begin:\n  .cfi_startproc\n  .cfi_undefined x30\n  mov x0, x20\n  blr x19\n  brk #1\n"
    "  .cfi_endproc\n.size martlet_begin,.-martlet_begin\n");

static void *first_frame(char *top, void (*body)(void *), void *argument) {
  uint64_t *frame = (uint64_t *)(top - 160);
  for (int index = 0; index < 20; index++) frame[index] = 0;
  frame[0] = (uint64_t)body;      // x19
  frame[1] = (uint64_t)argument;  // x20
  frame[11] = (uint64_t)martlet_begin;  // x30
  return frame;
}
#else
#error "a switch of stacks has to be written for this processor"
#endif

static void begun(void *argument) {
  struct martlet_stack *stack = argument;
#ifdef MARTLET_ASAN
  __sanitizer_finish_switch_fiber(0, &stack->caller_low, &stack->caller_bytes);
#endif
  stack->body(stack->argument);
}

void martlet_stack_prepare(struct martlet_stack *stack, void *low, size_t bytes, void (*body)(void *), void *argument) {
  *stack = (struct martlet_stack){.low = low, .bytes = bytes, .body = body, .argument = argument};
  stack->other = first_frame((char *)low + bytes, begun, stack);
#ifdef MARTLET_TSAN
  stack->own_fiber = __tsan_create_fiber(0);
#endif
}

void martlet_stack_enter(struct martlet_stack *stack) {
#ifdef MARTLET_ASAN
  __sanitizer_start_switch_fiber(&stack->caller_shadow, stack->low, stack->bytes);
#endif
#ifdef MARTLET_TSAN
  stack->caller_fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(stack->own_fiber, 0);
#endif
  martlet_switch(&stack->other, stack->other);
#ifdef MARTLET_ASAN
  __sanitizer_finish_switch_fiber(stack->caller_shadow, 0, 0);
#endif
}

void martlet_stack_leave(struct martlet_stack *stack) {
#ifdef MARTLET_ASAN
  __sanitizer_start_switch_fiber(&stack->own_shadow, stack->caller_low, stack->caller_bytes);
#endif
#ifdef MARTLET_TSAN
  __tsan_switch_to_fiber(stack->caller_fiber, 0);
#endif
  martlet_switch(&stack->other, stack->other);
#ifdef MARTLET_ASAN
  __sanitizer_finish_switch_fiber(stack->own_shadow, &stack->caller_low, &stack->caller_bytes);
#endif
}

void martlet_stack_forget(struct martlet_stack *stack) {
#ifdef MARTLET_TSAN
  __tsan_destroy_fiber(stack->own_fiber);
#endif
  (void)stack;
}

void *martlet_stack_map(size_t bytes) {
  size_t guard = (size_t)sysconf(_SC_PAGESIZE);
  char *start = mmap(0, bytes + guard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (start == MAP_FAILED) return 0;
  if (mprotect(start, guard, PROT_NONE) != 0) {
    munmap(start, bytes + guard);
    return 0;
  }
  return start + guard;
}

void martlet_stack_unmap(void *low, size_t bytes) {
  size_t guard = (size_t)sysconf(_SC_PAGESIZE);
  munmap((char *)low - guard, bytes + guard);
}
