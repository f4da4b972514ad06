// SHA-256 (FIPS 180-4) of blocks of 4096 bytes, sixteen at a time. Each block is a lane of AVX-512 vectors, so that one
// instruction does a step for all sixteen. swift-crypto hashes everything else; tests compare the results.

#include "CBlockDigests.h"

#if defined(__x86_64__)

#include <string.h>

#include "processor.h"
#include "rounds.h"

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl"), min_vector_width(512)))
#define LANES 16

typedef uint32_t Words __attribute__((vector_size(4 * LANES)));
typedef uint8_t Bytes __attribute__((vector_size(4 * LANES)));

#define TURN(x, bits) (((x) >> (bits)) | ((x) << (32 - (bits))))

/// Transposes a matrix, from sixteen words of one block in each vector to one word of all blocks in each vector.
AVX512 __attribute__((always_inline)) static inline void transpose(Words row[LANES]) {
#pragma unroll
  for (int i = 0; i < LANES; i += 2) {
    const Words a = row[i], b = row[i + 1];
    row[i] = __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
    row[i + 1] = __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
  }
#pragma unroll
  for (int i = 0; i < LANES; i++) {
    if (i & 2) continue;
    const Words a = row[i], b = row[i + 2];
    row[i] = __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
    row[i + 2] = __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  }
#pragma unroll
  for (int i = 0; i < LANES; i++) {
    if (i & 4) continue;
    const Words a = row[i], b = row[i + 4];
    row[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    row[i + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
  }
#pragma unroll
  for (int i = 0; i < LANES / 2; i++) {
    const Words a = row[i], b = row[i + 8];
    row[i] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    row[i + 8] = __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  }
}

/// Reverses the bytes in each word of a vector.
AVX512 __attribute__((always_inline)) static inline Words reversed(Words words) {
  const Bytes bytes = (Bytes)words;
  return (Words)__builtin_shufflevector(
      bytes, bytes, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16, 23, 22, 21, 20, 27, 26, 25, 24,
      31, 30, 29, 28, 35, 34, 33, 32, 39, 38, 37, 36, 43, 42, 41, 40, 47, 46, 45, 44, 51, 50, 49, 48, 55, 54, 53, 52, 59,
      58, 57, 56, 63, 62, 61, 60);
}

/// Processes the next sixteen words of each block.
AVX512 __attribute__((always_inline)) static inline void take(Words state[8], Words word[16]) {
  Words a = state[0], b = state[1], c = state[2], d = state[3];
  Words e = state[4], f = state[5], g = state[6], h = state[7];
#pragma unroll
  for (int i = 0; i < 64; i++) {
    if (i >= 16) {
      const Words early = word[(i + 1) & 15], late = word[(i + 14) & 15];
      word[i & 15] += (TURN(early, 7) ^ TURN(early, 18) ^ (early >> 3)) + word[(i + 9) & 15] +
                      (TURN(late, 17) ^ TURN(late, 19) ^ (late >> 10));
    }
    const Words one = h + (TURN(e, 6) ^ TURN(e, 11) ^ TURN(e, 25)) + ((e & f) ^ (~e & g)) + constants[i] + word[i & 15];
    const Words two = (TURN(a, 2) ^ TURN(a, 13) ^ TURN(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + one, d = c, c = b, b = a, a = one + two;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

/// Hashes sixteen consecutive blocks.
AVX512 static void hash(const uint8_t *content, uint8_t *digests) {
  Words state[8], word[16];
  for (int i = 0; i < 8; i++) state[i] = (Words){0} + beginning[i];
  for (size_t place = 0; place < block_length; place += chunk_length) {
#pragma unroll
    for (int lane = 0; lane < LANES; lane++) {
      memcpy(&word[lane], content + lane * block_length + place, sizeof word[lane]);
      word[lane] = reversed(word[lane]);
    }
    transpose(word);
    take(state, word);
  }
  // The padding after 4096 bytes: one bit, zeros, and the length in bits.
  for (int i = 0; i < 16; i++) word[i] = (Words){0};
  word[0] += 0x80000000;
  word[15] += 8 * block_length;
  take(state, word);
  for (int i = 0; i < 8; i++) {
    const Words bytes = reversed(state[i]);
    for (int lane = 0; lane < LANES; lane++) {
      const uint32_t word = bytes[lane];
      memcpy(digests + lane * digest_length + 4 * i, &word, sizeof word);
    }
  }
}

size_t cultivar_hash_sixteens(const uint8_t *content, size_t blocks, uint8_t *digests) {
  // Needs AVX-512 F, BW and VL, and a kernel that saves their registers.
  if (!kernel_keeps(0xe6) || !processor_has(7, 1, 1u << 16 | 1u << 30 | 1u << 31)) return 0;
  size_t done = 0;
  for (; done + LANES <= blocks; done += LANES) hash(content + done * block_length, digests + done * digest_length);
  return done;
}

#else

size_t cultivar_hash_sixteens(const uint8_t *content, size_t blocks, uint8_t *digests) {
  (void)content, (void)blocks, (void)digests;
  return 0;
}

#endif
