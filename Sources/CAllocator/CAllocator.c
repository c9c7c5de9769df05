#include "CAllocator.h"
#include <malloc.h>
#include <stdio.h>

// A sanitizer brings a malloc of its own. jemalloc must not be given its pointers, and must not even be linked:
// it brings operator new for the C++ inside the Swift runtime. Nothing here may name it then.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

size_t martlet_usable_size(const void *p) { return p ? malloc_usable_size((void *)p) : 0; }

#if SANITIZED

size_t martlet_size_class(size_t size) { return size ? size : 1; }
size_t martlet_resize_in_place(void *p, size_t size) { (void)size; return malloc_usable_size(p); }
void martlet_free_sized(void *p, size_t size) { (void)size; free(p); }
void martlet_heap_statistics(struct martlet_heap *out) { *out = (struct martlet_heap){0}; }
void martlet_heap_purge(void) {}
char *martlet_heap_report(void) { return strdup("A sanitizer's allocator reports nothing.\n"); }
const char *martlet_allocator_name(void) { return "sanitizer"; }
void martlet_thread_traffic(uint64_t *allocated, uint64_t *deallocated) { *allocated = *deallocated = 0; }

#else
#include <jemalloc/jemalloc.h>

size_t martlet_size_class(size_t size) { return nallocx(size ? size : 1, 0); }
size_t martlet_resize_in_place(void *p, size_t size) { return xallocx(p, size, 0, 0); }
void martlet_free_sized(void *p, size_t size) { if (p) sdallocx(p, size, 0); }

static uint64_t stat_of(const char *name) {
  size_t value = 0, length = sizeof value;
  return mallctl(name, &value, &length, NULL, 0) == 0 ? value : 0;
}

void martlet_heap_statistics(struct martlet_heap *out) {
  uint64_t epoch = 1;
  size_t length = sizeof epoch;
  mallctl("epoch", &epoch, &length, &epoch, length);
  out->allocated = stat_of("stats.allocated");
  out->active = stat_of("stats.active");
  out->resident = stat_of("stats.resident");
  out->retained = stat_of("stats.retained");
  out->mapped = stat_of("stats.mapped");
  out->metadata = stat_of("stats.metadata");
}

void martlet_heap_purge(void) {
  char name[40];
  snprintf(name, sizeof name, "arena.%u.purge", MALLCTL_ARENAS_ALL);
  mallctl(name, NULL, NULL, NULL, 0);
}

struct report { char *text; size_t count, capacity; };

static void append(void *opaque, const char *text) {
  struct report *report = opaque;
  size_t length = strlen(text);
  if (!report->text && report->capacity) return;
  if (report->count + length + 1 > report->capacity) {
    size_t capacity = (report->count + length + 1) * 2;
    char *grown = realloc(report->text, capacity);
    if (!grown) { free(report->text); report->text = NULL; return; }
    report->text = grown;
    report->capacity = capacity;
  }
  memcpy(report->text + report->count, text, length + 1);
  report->count += length;
}

char *martlet_heap_report(void) {
  struct report report = {0};
  malloc_stats_print(append, &report, NULL);
  return report.text;
}

const char *martlet_allocator_name(void) {
  static char name[64];
  if (!name[0]) {
    const char *version = "";
    size_t length = sizeof version;
    mallctl("version", &version, &length, NULL, 0);
    size_t digits = strcspn(version, "-");
    snprintf(name, sizeof name, "jemalloc-%.*s", (int)digits, version);
  }
  return name;
}

void martlet_thread_traffic(uint64_t *allocated, uint64_t *deallocated) {
  size_t length = sizeof *allocated;
  if (mallctl("thread.allocated", allocated, &length, NULL, 0)) *allocated = 0;
  length = sizeof *deallocated;
  if (mallctl("thread.deallocated", deallocated, &length, NULL, 0)) *deallocated = 0;
}

#endif
