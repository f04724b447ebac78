/* DEFLATE (RFC 1951) there and back, for guests that measure by it. */
#ifndef BENCH_KERNELS_DEFLATE_H
#define BENCH_KERNELS_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that compress() may need for so many. */
#define COMPRESSED_MAX(size) ((size) + (size) / 8 + 64)

/* One block with the fixed codes, matches found by hash chains. Gives the size of what stands in
 * `out`. The input is shorter than 2^31 bytes. */
size_t compress(const uint8_t *in, size_t size, uint8_t *out);

/* Blocks of all three kinds. False when the bytes are no such blocks or give more than `room`. */
bool expand(const uint8_t *in, size_t size, uint8_t *out, size_t room, size_t *got);

#endif
