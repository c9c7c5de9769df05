// CStack.h: a second stack on the same thread, entered and left like a call that may return in the middle.
//
//   who enters                                 the stack's body
//   martlet_stack_begin ──────────────────────▶ begins
//   goes on behind it    ◀──────────────────── martlet_stack_leave
//   martlet_stack_continue ───────────────────▶ goes on behind leave
//   goes on behind it, which answers 1   ◀───── returns
//
// A stack that does not run is one pointer, to the frame that CStack.c draws. Everything else about it (memory, guard
// page, who may be entered when) is its owner's.
#ifndef MARTLET_CSTACK_H
#define MARTLET_CSTACK_H
#include <stddef.h>

struct martlet_stack {
  /// The frame of the side that does not run: the stack's own between enters, its caller's while it runs.
  void *other;
  /// Lowest address, and bytes from there.
  void *low;
  size_t bytes;
  void (*body)(void *);
  void *argument;
  /// What the sanitizers want to know of both sides; unused without them.
  void *own_fiber, *caller_fiber;
  void *own_shadow, *caller_shadow;
  const void *caller_low;
  size_t caller_bytes;
};

/// Prepares a stack on `bytes` of memory from `low` on, both multiples of 16. `stack` stays where it is.
void martlet_stack_prepare(struct martlet_stack *stack, void *low, size_t bytes);
/// Runs `body` with `argument` on a stack whose last body has returned, until this one leaves, or returns: then 1.
int martlet_stack_begin(struct martlet_stack *stack, void (*body)(void *), void *argument);
/// Lets a body that has left go on until it leaves again, or returns: then 1. On the thread on which it began.
int martlet_stack_continue(struct martlet_stack *stack);
/// On the stack: back to who entered it. Returns when it is to go on.
void martlet_stack_leave(struct martlet_stack *stack);
/// Before the memory of a stack goes. Its body has returned.
void martlet_stack_forget(struct martlet_stack *stack);
/// `bytes` of memory for a stack above one page that may not be touched; null if there is none.
void *martlet_stack_map(size_t bytes);
void martlet_stack_unmap(void *low, size_t bytes);
#endif
