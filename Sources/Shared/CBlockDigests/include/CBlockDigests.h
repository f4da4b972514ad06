#ifndef CULTIVAR_BLOCK_DIGESTS_H
#define CULTIVAR_BLOCK_DIGESTS_H

#include <stddef.h>
#include <stdint.h>

/// Writes the SHA-256 digests of blocks of 4096 bytes, one after the other, as far as this processor hashes several at a time.
///
/// Returns how many blocks from the first on were hashed: none where the processor does one at a time only.
size_t cultivar_hash_blocks(const uint8_t *content, size_t blocks, uint8_t *digests);

/// The same with two blocks at a time, by the SHA instructions of x86-64.
size_t cultivar_hash_pairs(const uint8_t *content, size_t blocks, uint8_t *digests);

/// The same with sixteen blocks at a time, by AVX-512.
size_t cultivar_hash_sixteens(const uint8_t *content, size_t blocks, uint8_t *digests);

#endif
