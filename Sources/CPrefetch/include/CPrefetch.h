// CPrefetch.h: the one instruction that Swift cannot say.
#ifndef MARTLET_CPREFETCH_H
#define MARTLET_CPREFETCH_H

/// Asks the processor to bring the cache line of `address` nearer. Never faults, also on a bad address.
static inline void martlet_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }
#endif
