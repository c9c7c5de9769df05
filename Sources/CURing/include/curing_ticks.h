// curing_ticks.h: a counter that costs a few nanoseconds to read.
#ifndef MARTLET_CURING_TICKS_H
#define MARTLET_CURING_TICKS_H
#include <stdint.h>
#include <time.h>

static inline uint64_t curing_ticks(void) {
#if defined(__x86_64__)
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
#elif defined(__aarch64__)
  uint64_t ticks;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
#endif
}
#endif
