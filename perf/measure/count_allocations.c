// count_allocations.c: counts what a process asks of its allocator, whichever that is.
//
// Preloaded (LD_PRELOAD). Each entry point below counts and hands on to the next library that has
// it. The counters are a file that the process maps, so that they are read from outside without
// stopping it: $ALLOCATION_COUNTS names the file, three 64-bit numbers:
//
//   0         8         16
//   requests  releases  bytes asked for
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t unmapped[3];
static _Atomic uint64_t *counts = unmapped;

__attribute__((constructor)) static void map_counts(void) {
  const char *path = getenv("ALLOCATION_COUNTS");
  int descriptor = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (descriptor < 0) return;
  void *memory = mmap(NULL, 24, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (memory != MAP_FAILED) counts = memory;
}

static void asked(size_t size) {
  atomic_fetch_add_explicit(&counts[0], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&counts[2], size, memory_order_relaxed);
}

static void released(void) { atomic_fetch_add_explicit(&counts[1], 1, memory_order_relaxed); }

// dlsym itself may call calloc before the real one is known: it gets zeroed memory from here.
static char early[4096];
static size_t early_used;
static int is_early(const void *memory) {
  return (const char *)memory >= early && (const char *)memory < early + sizeof early;
}

#define NEXT(name) static __typeof__(&name) next; if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

void *malloc(size_t size) { NEXT(malloc); asked(size); return next(size); }

void *calloc(size_t count, size_t size) {
  static void *(*next)(size_t, size_t);
  static int looking;
  if (!next) {
    if (looking) {
      void *memory = early + early_used;
      early_used += (count * size + 15) & ~(size_t)15;
      if (early_used > sizeof early) abort();
      return memory;
    }
    looking = 1;
    next = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
  }
  asked(count * size);
  return next(count, size);
}

void *realloc(void *memory, size_t size) {
  NEXT(realloc);
  asked(size);
  if (memory) released();
  return next(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  NEXT(aligned_alloc);
  asked(size);
  return next(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
  NEXT(posix_memalign);
  asked(size);
  return next(memory, alignment, size);
}

void free(void *memory) {
  NEXT(free);
  if (!memory || is_early(memory)) return;
  released();
  next(memory);
}

// jemalloc's own interface.
void *mallocx(size_t size, int flags);
void *rallocx(void *memory, size_t size, int flags);
void dallocx(void *memory, int flags);
void sdallocx(void *memory, size_t size, int flags);
void *mallocx(size_t size, int flags) { NEXT(mallocx); asked(size); return next(size, flags); }
void *rallocx(void *memory, size_t size, int flags) {
  NEXT(rallocx);
  asked(size);
  released();
  return next(memory, size, flags);
}
void dallocx(void *memory, int flags) { NEXT(dallocx); released(); next(memory, flags); }
void sdallocx(void *memory, size_t size, int flags) { NEXT(sdallocx); released(); next(memory, size, flags); }

// C++'s new and delete, which jemalloc implements without malloc.
void *_Znwm(size_t size);
void *_Znam(size_t size);
void _ZdlPv(void *memory);
void *_Znwm(size_t size) { NEXT(_Znwm); asked(size); return next(size); }
void *_Znam(size_t size) { NEXT(_Znam); asked(size); return next(size); }
void _ZdlPv(void *memory) { NEXT(_ZdlPv); released(); next(memory); }
