/* Digests of content: "sha256:<64 hex>" and "sha512:<128 hex>" (OCI image spec, descriptor.md),
 * computed by libcrypto, whole or as the bytes stream by. */
#ifndef PLUGIN_DIGEST_H
#define PLUGIN_DIGEST_H

#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Row: constant suffix, name in a digest, bytes. */
#define DIGEST_ALGORITHMS(X)                                                                       \
	X(SHA256, "sha256", 32)                                                                        \
	X(SHA512, "sha512", 64)

enum digest_algorithm {
#define X(id, name, bytes) DIGEST_##id,
	DIGEST_ALGORITHMS(X)
#undef X
};

/* Text of the longest digest with its terminator: "sha512:" and 128 digits. */
#define DIGEST_TEXT_SIZE 136

struct digest {
	enum digest_algorithm algorithm;
	uint8_t bytes[64]; /* unused ones are zero */
};

/* Strict: a known algorithm, a colon, exactly its number of lower-case hexadecimal digits. */
bool digest_parse(struct digest *digest, const char *text);

/* Writes algorithm:hex to text, and returns it. */
char *digest_format(const struct digest *digest, char text[DIGEST_TEXT_SIZE]);

const char *digest_algorithm_name(enum digest_algorithm algorithm);

/* Takes the same time wherever the two differ. */
bool digest_equal(const struct digest *a, const struct digest *b);

/* A digest in the making. Zero-initialised it may be cleared. */
struct digest_stream {
	enum digest_algorithm algorithm;
	void *context;
};

bool digest_stream_init(struct digest_stream *stream, enum digest_algorithm algorithm,
                        struct error *err);
bool digest_stream_add(struct digest_stream *stream, const void *bytes, size_t size,
                       struct error *err);
/* Gives the digest of all bytes added, and clears the stream. */
bool digest_stream_finish(struct digest_stream *stream, struct digest *digest, struct error *err);
void digest_stream_clear(struct digest_stream *stream);

bool digest_of_bytes(const void *bytes, size_t size, enum digest_algorithm algorithm,
                     struct digest *digest, struct error *err);

/* Of the whole file, by pread: the file offset stays. *size receives the bytes read. */
bool digest_of_file(int fd, enum digest_algorithm algorithm, struct digest *digest, uint64_t *size,
                    struct error *err);

#endif
