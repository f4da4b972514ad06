// SHA-256 (FIPS 180-4) of blocks of 4096 bytes, two at a time, with the SHA instructions of x86-64. Each instruction
// depends on the one before it, so a single stream leaves the processor's SHA unit idle for up to half of the time. Two
// independent streams keep it busy. swift-crypto hashes everything else; tests compare the results.

#include "CBlockDigests.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#include "processor.h"
#include "rounds.h"

#define SHA __attribute__((target("sha,sse4.1,ssse3")))
#define STREAMS 2

/// The state of each stream in the order of the instructions: words a, b, e, f, and c, d, g, h.
typedef struct {
  __m128i abef[STREAMS], cdgh[STREAMS];
} State;

/// Processes the next 64 bytes of each stream.
SHA static void take(State *state, const uint8_t *const next[STREAMS]) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i words[STREAMS][4], abef[STREAMS], cdgh[STREAMS];
#pragma unroll
  for (int stream = 0; stream < STREAMS; stream++) {
    abef[stream] = state->abef[stream];
    cdgh[stream] = state->cdgh[stream];
#pragma unroll
    for (int part = 0; part < 4; part++) {
      const __m128i bytes = _mm_loadu_si128((const __m128i *)(next[stream] + 16 * part));
      words[stream][part] = _mm_shuffle_epi8(bytes, big_endian);
    }
  }
#pragma unroll
  for (int step = 0; step < 16; step++) {
#pragma unroll
    for (int stream = 0; stream < STREAMS; stream++) {
      __m128i *const part = words[stream];
      const __m128i now = part[step & 3];
      const __m128i sum = _mm_add_epi32(now, _mm_loadu_si128((const __m128i *)(constants + 4 * step)));
      cdgh[stream] = _mm_sha256rnds2_epu32(cdgh[stream], abef[stream], sum);
      abef[stream] = _mm_sha256rnds2_epu32(abef[stream], cdgh[stream], _mm_shuffle_epi32(sum, 0x0e));
      if (step < 12) {
        const __m128i last = part[(step + 3) & 3];
        const __m128i begun = _mm_add_epi32(
            _mm_sha256msg1_epu32(now, part[(step + 1) & 3]), _mm_alignr_epi8(last, part[(step + 2) & 3], 4));
        part[step & 3] = _mm_sha256msg2_epu32(begun, last);
      }
    }
  }
#pragma unroll
  for (int stream = 0; stream < STREAMS; stream++) {
    state->abef[stream] = _mm_add_epi32(state->abef[stream], abef[stream]);
    state->cdgh[stream] = _mm_add_epi32(state->cdgh[stream], cdgh[stream]);
  }
}

/// Hashes one block for each stream. The blocks are consecutive.
SHA static void hash(const uint8_t *content, uint8_t *digests) {
  // The padding after 4096 bytes: one bit, zeros, and the length in bits (32768).
  static const uint8_t padding[chunk_length] = {[0] = 0x80, [chunk_length - 2] = 0x80};
  State state;
  const uint8_t *next[STREAMS];
  for (int stream = 0; stream < STREAMS; stream++) {
    const int *word = (const int *)beginning;
    state.abef[stream] = _mm_set_epi32(word[0], word[1], word[4], word[5]);
    state.cdgh[stream] = _mm_set_epi32(word[2], word[3], word[6], word[7]);
  }
  for (size_t place = 0; place < block_length; place += chunk_length) {
    for (int stream = 0; stream < STREAMS; stream++) next[stream] = content + stream * block_length + place;
    take(&state, next);
  }
  for (int stream = 0; stream < STREAMS; stream++) next[stream] = padding;
  take(&state, next);
  for (int stream = 0; stream < STREAMS; stream++) {
    uint32_t high[4], low[4];
    _mm_storeu_si128((__m128i *)high, state.abef[stream]);
    _mm_storeu_si128((__m128i *)low, state.cdgh[stream]);
    const uint32_t words[8] = {high[3], high[2], low[3], low[2], high[1], high[0], low[1], low[0]};
    for (int word = 0; word < 8; word++) {
      const uint32_t bytes = __builtin_bswap32(words[word]);
      memcpy(digests + digest_length * stream + 4 * word, &bytes, sizeof bytes);
    }
  }
}

size_t cultivar_hash_pairs(const uint8_t *content, size_t blocks, uint8_t *digests) {
  // SSSE3 and SSE4.1; SHA.
  if (!processor_has(1, 2, 1u << 9 | 1u << 19) || !processor_has(7, 1, 1u << 29)) return 0;
  size_t done = 0;
  for (; done + STREAMS <= blocks; done += STREAMS) {
    hash(content + done * block_length, digests + done * digest_length);
  }
  return done;
}

#else

size_t cultivar_hash_pairs(const uint8_t *content, size_t blocks, uint8_t *digests) {
  (void)content, (void)blocks, (void)digests;
  return 0;
}

#endif

size_t cultivar_hash_blocks(const uint8_t *content, size_t blocks, uint8_t *digests) {
  const size_t done = cultivar_hash_sixteens(content, blocks, digests);
  return done + cultivar_hash_pairs(content + done * 4096, blocks - done, digests + done * 32);
}
