// CHash.h: the hash of keys: XXH3, 64 bits, under a secret drawn at start.
#ifndef MARTLET_CHASH_H
#define MARTLET_CHASH_H
#include <stddef.h>
#include <stdint.h>

/// Draws the secret from `seed`, `length` bytes of entropy. Call once, before the first hash.
void martlet_hash_seed(const void *seed, size_t length);
/// The hash of `length` bytes. Seeded: two processes disagree, so keys cannot be chosen to collide.
uint64_t martlet_hash(const void *bytes, size_t length);
#endif
