// sha1.c — the hash of RFC 3174: scripts are named by it, and redis.sha1hex computes it.
#include "internal.h"

static uint32_t rotate(uint32_t word, int count) { return word << count | word >> (32 - count); }

static void absorb(uint32_t state[5], const unsigned char *block) {
  uint32_t words[80];
  for (int i = 0; i < 16; i++)
    words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
  for (int i = 16; i < 80; i++) words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
  for (int i = 0; i < 80; i++) {
    uint32_t mixed, constant;
    if (i < 20) mixed = (b & c) | (~b & d), constant = 0x5A827999;
    else if (i < 40) mixed = b ^ c ^ d, constant = 0x6ED9EBA1;
    else if (i < 60) mixed = (b & c) | (b & d) | (c & d), constant = 0x8F1BBCDC;
    else mixed = b ^ c ^ d, constant = 0xCA62C1D6;
    uint32_t next = rotate(a, 5) + mixed + e + constant + words[i];
    e = d, d = c, c = rotate(b, 30), b = a, a = next;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

void martlet_sha1_hex(const void *data, size_t count, char digits[40]) {
  uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  const unsigned char *bytes = data;
  size_t whole = count / 64 * 64;
  for (size_t at = 0; at < whole; at += 64) absorb(state, bytes + at);
  // The end: a one bit, zeros, and the length in bits in the last eight bytes.
  unsigned char tail[128] = {0};
  size_t rest = count - whole;
  if (rest > 0) memcpy(tail, bytes + whole, rest);
  tail[rest] = 0x80;
  size_t length = rest < 56 ? 64 : 128;
  uint64_t bits = (uint64_t)count * 8;
  for (int i = 0; i < 8; i++) tail[length - 1 - i] = (unsigned char)(bits >> (8 * i));
  for (size_t at = 0; at < length; at += 64) absorb(state, tail + at);
  for (int i = 0; i < 40; i++) digits[i] = "0123456789abcdef"[state[i / 8] >> (28 - 4 * (i % 8)) & 15];
}
