#define XXH_INLINE_ALL
#include <xxhash.h>
#include "CHash.h"

static unsigned char secret[XXH3_SECRET_DEFAULT_SIZE];

void martlet_hash_seed(const void *seed, size_t length) {
  XXH3_generateSecret(secret, sizeof secret, seed, length);
}

// The variant with a secret, not with a seed: short keys then depend on 192 random
// bytes instead of on the published secret and one word.
uint64_t martlet_hash(const void *bytes, size_t length) {
  return XXH3_64bits_withSecret(bytes, length, secret, sizeof secret);
}
