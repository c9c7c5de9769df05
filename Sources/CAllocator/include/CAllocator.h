// CAllocator.h: the heap, as Martlet's Swift sees it.
//
// The process links jemalloc, so plain malloc is jemalloc's and Swift objects
// come from it too. What is here is what Swift cannot say itself: sizes that the
// allocator really gives, sized frees, and the statistics behind INFO memory.
#ifndef MARTLET_CALLOCATOR_H
#define MARTLET_CALLOCATOR_H
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdbool.h>
#include <string.h>

/// Usable bytes of a live allocation.
size_t martlet_usable_size(const void *p);
/// Bytes that an allocation of `size` would really take (the size class).
size_t martlet_size_class(size_t size);
/// Grow or shrink in place to `size`; the usable size afterwards (unchanged if it could not).
size_t martlet_resize_in_place(void *p, size_t size);
/// Free with the size known: skips the size look-up.
void martlet_free_sized(void *p, size_t size);

struct martlet_heap {
  uint64_t allocated, active, resident, retained, mapped, metadata;
};
/// Totals of the allocator; refreshes its epoch first. Costs microseconds.
void martlet_heap_statistics(struct martlet_heap *out);
/// Gives unused pages of all arenas back to the kernel.
void martlet_heap_purge(void);
/// The allocator's own report as text; the caller frees it. NULL when out of memory.
char *martlet_heap_report(void);
/// "jemalloc-5.3.0"
const char *martlet_allocator_name(void);
/// Bytes allocated and freed by the calling thread so far (monotone), for allocation budgets.
void martlet_thread_traffic(uint64_t *allocated, uint64_t *deallocated);
#endif
