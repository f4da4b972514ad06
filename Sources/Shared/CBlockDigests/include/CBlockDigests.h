#ifndef CULTIVAR_BLOCK_DIGESTS_H
#define CULTIVAR_BLOCK_DIGESTS_H

#include <stddef.h>
#include <stdint.h>

/// Writes the SHA-256 digests of consecutive blocks of 4096 bytes, if this processor can hash several blocks at once.
///
/// Returns the number of blocks hashed, counted from the first one; 0 if the processor can hash only one block at a
/// time.
size_t cultivar_hash_blocks(const uint8_t *content, size_t blocks, uint8_t *digests);

/// Hashes two blocks at a time, with the SHA instructions of x86-64.
size_t cultivar_hash_pairs(const uint8_t *content, size_t blocks, uint8_t *digests);

/// Hashes sixteen blocks at a time, with AVX-512.
size_t cultivar_hash_sixteens(const uint8_t *content, size_t blocks, uint8_t *digests);

#endif
