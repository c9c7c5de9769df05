// CStack.c: the switch between two stacks of one thread, and memory for them.
//
//   x86-64, from the frame's address up          arm64
//   ┌───────────────────────────┐  +0            ┌───────────────────────────┐  +0
//   │ r15 r14 r13 r12 rbx rbp   │                │ x19 x20 … x27 x28         │
//   │ where to go on            │  +48           │ x29 x30 (where to go on)  │  +80
//   └───────────────────────────┘  +56           │ d8 … d15                  │  +96
//                                                └───────────────────────────┘  +160
//
// These are the registers that a call must leave as they were; all others the compiler has put away before it calls.
// The floating-point control words are a third kind: they stay what they are for the whole thread, nobody changes them.
//
// martlet_run leaves its caller's frame and calls the body at the top of the other stack, as any function is called: where
// the body returns without having left, nearly always, that is all, and the processor has predicted each return.
// martlet_switch leaves one side's frame and takes up the other's. Both come back with 1 if the body has returned.
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

// No entry and no exit of these is told to a sanitizer: they happen on different stacks.
#if defined(MARTLET_ASAN) || defined(MARTLET_TSAN)
#define MARTLET_UNSEEN __attribute__((disable_sanitizer_instrumentation, noinline))
#else
#define MARTLET_UNSEEN
#endif

/// Calls `body` with `argument` on the stack below `top`. `other` is where the frame of the side lies that does not run.
int martlet_run(void **other, void *top, void (*body)(void *), void *argument);
int martlet_switch(void **other);

#if defined(__x86_64__)
__asm__(
    ".text\n.p2align 4\n.globl martlet_run\n.hidden martlet_run\n.type martlet_run,@function\n"
    "martlet_run:\n  .cfi_startproc\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq %rsp, (%rdi)\n  movq %rdi, %rbx\n  movq %rsi, %rsp\n  movq %rcx, %rdi\n"
    // What lies beyond is another stack: a backtrace ends here.
    "  .cfi_undefined rip\n"
    "  callq *%rdx\n"
    "  movq (%rbx), %rsp\n  movl $1, %eax\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n  ret\n"
    "  .cfi_endproc\n.size martlet_run,.-martlet_run\n"
    ".p2align 4\n.globl martlet_switch\n.hidden martlet_switch\n.type martlet_switch,@function\n"
    "martlet_switch:\n"
    "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
    "  movq (%rdi), %rcx\n  movq %rsp, (%rdi)\n  movq %rcx, %rsp\n  xorl %eax, %eax\n"
    "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n  ret\n"
    ".size martlet_switch,.-martlet_switch\n");
#elif defined(__aarch64__)
#define MARTLET_SAVE                                                                                              \
  "  sub sp, sp, #160\n  stp x19, x20, [sp, #0]\n  stp x21, x22, [sp, #16]\n  stp x23, x24, [sp, #32]\n"          \
  "  stp x25, x26, [sp, #48]\n  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n"                            \
  "  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
#define MARTLET_RESTORE                                                                                           \
  "  ldp x19, x20, [sp, #0]\n  ldp x21, x22, [sp, #16]\n  ldp x23, x24, [sp, #32]\n"                             \
  "  ldp x25, x26, [sp, #48]\n  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n"                            \
  "  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"  \
  "  add sp, sp, #160\n  ret\n"
__asm__(
    ".text\n.p2align 4\n.globl martlet_run\n.hidden martlet_run\n.type martlet_run,%function\n"
    "martlet_run:\n  .cfi_startproc\n" MARTLET_SAVE
    "  mov x9, sp\n  str x9, [x0]\n  mov x19, x0\n  mov sp, x1\n  mov x0, x3\n"
    "  .cfi_undefined x30\n  blr x2\n"
    "  ldr x9, [x19]\n  mov sp, x9\n  mov w0, #1\n" MARTLET_RESTORE
    "  .cfi_endproc\n.size martlet_run,.-martlet_run\n"
    ".p2align 4\n.globl martlet_switch\n.hidden martlet_switch\n.type martlet_switch,%function\n"
    "martlet_switch:\n" MARTLET_SAVE
    "  ldr x9, [x0]\n  mov x10, sp\n  str x10, [x0]\n  mov sp, x9\n  mov w0, #0\n" MARTLET_RESTORE
    ".size martlet_switch,.-martlet_switch\n");
#else
#error "a switch of stacks has to be written for this processor"
#endif

void martlet_stack_prepare(struct martlet_stack *stack, void *low, size_t bytes) {
  *stack = (struct martlet_stack){.low = low, .bytes = bytes};
#ifdef MARTLET_TSAN
  stack->own_fiber = __tsan_create_fiber(0);
#endif
}

#if defined(MARTLET_ASAN) || defined(MARTLET_TSAN)
MARTLET_UNSEEN static void begun(void *argument) {
  struct martlet_stack *stack = argument;
#ifdef MARTLET_ASAN
  __sanitizer_finish_switch_fiber(0, &stack->caller_low, &stack->caller_bytes);
#endif
  stack->body(stack->argument);
#ifdef MARTLET_ASAN
  __sanitizer_start_switch_fiber(0, stack->caller_low, stack->caller_bytes);
#endif
#ifdef MARTLET_TSAN
  __tsan_switch_to_fiber(stack->caller_fiber, 0);
#endif
}
#endif

MARTLET_UNSEEN static void entering(struct martlet_stack *stack) {
#ifdef MARTLET_ASAN
  __sanitizer_start_switch_fiber(&stack->caller_shadow, stack->low, stack->bytes);
#endif
#ifdef MARTLET_TSAN
  stack->caller_fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(stack->own_fiber, 0);
#endif
  (void)stack;
}

MARTLET_UNSEEN static void returned(struct martlet_stack *stack) {
#ifdef MARTLET_ASAN
  __sanitizer_finish_switch_fiber(stack->caller_shadow, 0, 0);
#endif
  (void)stack;
}

MARTLET_UNSEEN int martlet_stack_begin(struct martlet_stack *stack, void (*body)(void *), void *argument) {
  char *top = (char *)stack->low + stack->bytes;
  entering(stack);
#if defined(MARTLET_ASAN) || defined(MARTLET_TSAN)
  stack->body = body;
  stack->argument = argument;
  int has_ended = martlet_run(&stack->other, top, begun, stack);
#else
  int has_ended = martlet_run(&stack->other, top, body, argument);
#endif
  returned(stack);
  return has_ended;
}

MARTLET_UNSEEN int martlet_stack_continue(struct martlet_stack *stack) {
  entering(stack);
  int has_ended = martlet_switch(&stack->other);
  returned(stack);
  return has_ended;
}

MARTLET_UNSEEN void martlet_stack_leave(struct martlet_stack *stack) {
#ifdef MARTLET_ASAN
  __sanitizer_start_switch_fiber(&stack->own_shadow, stack->caller_low, stack->caller_bytes);
#endif
#ifdef MARTLET_TSAN
  __tsan_switch_to_fiber(stack->caller_fiber, 0);
#endif
  martlet_switch(&stack->other);
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
