#include "plugin/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES (64 * 1024)

static const struct {
	const char *name;
	size_t bytes;
} algorithms[] = {
#define X(id, name, bytes) [DIGEST_##id] = {name, bytes},
    DIGEST_ALGORITHMS(X)
#undef X
};

#define ALGORITHM_COUNT (sizeof algorithms / sizeof algorithms[0])

static EVP_MD *fetched[ALGORITHM_COUNT];

static void fetch_all(void)
{
	for (size_t i = 0; i < ALGORITHM_COUNT; i++)
		fetched[i] = EVP_MD_fetch(NULL, algorithms[i].name, NULL);
}

/* Found once: EVP_sha256() and the like make libcrypto look for it at each use. NULL when it has
 * none.
 */
static const EVP_MD *message_digest(enum digest_algorithm algorithm)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, fetch_all);
	return fetched[algorithm];
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool digest_parse(struct digest *digest, const char *text)
{
	const char *colon = strchr(text, ':');
	if (colon == NULL)
		return false;
	size_t name_size = (size_t)(colon - text);
	for (size_t i = 0; i < ALGORITHM_COUNT; i++) {
		size_t count = algorithms[i].bytes;
		if (strlen(algorithms[i].name) != name_size ||
		    memcmp(algorithms[i].name, text, name_size) != 0)
			continue;
		const char *hex = colon + 1;
		if (strlen(hex) != 2 * count)
			return false;
		struct digest parsed = {.algorithm = (enum digest_algorithm)i};
		for (size_t at = 0; at < count; at++) {
			int high = hex_value(hex[2 * at]), low = hex_value(hex[2 * at + 1]);
			if (high < 0 || low < 0)
				return false;
			parsed.bytes[at] = (uint8_t)(high << 4 | low);
		}
		*digest = parsed;
		return true;
	}
	return false;
}

char *digest_format(const struct digest *digest, char text[DIGEST_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	size_t used = (size_t)sprintf(text, "%s:", algorithms[digest->algorithm].name);
	for (size_t i = 0; i < algorithms[digest->algorithm].bytes; i++) {
		text[used++] = digits[digest->bytes[i] >> 4];
		text[used++] = digits[digest->bytes[i] & 15];
	}
	text[used] = '\0';
	return text;
}

const char *digest_algorithm_name(enum digest_algorithm algorithm)
{
	return algorithms[algorithm].name;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return a->algorithm == b->algorithm && CRYPTO_memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool failed(const char *what, struct error *err)
{
	return error_set(err, ERROR_SYSTEM, "libcrypto cannot %s a digest", what);
}

bool digest_stream_init(struct digest_stream *stream, enum digest_algorithm algorithm,
                        struct error *err)
{
	stream->algorithm = algorithm;
	stream->context = EVP_MD_CTX_new();
	if (stream->context == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a digest");
	if (EVP_DigestInit_ex(stream->context, message_digest(algorithm), NULL) != 1) {
		digest_stream_clear(stream);
		return failed("begin", err);
	}
	return true;
}

bool digest_stream_add(struct digest_stream *stream, const void *bytes, size_t size,
                       struct error *err)
{
	if (EVP_DigestUpdate(stream->context, bytes, size) != 1)
		return failed("extend", err);
	return true;
}

bool digest_stream_finish(struct digest_stream *stream, struct digest *digest, struct error *err)
{
	*digest = (struct digest){.algorithm = stream->algorithm};
	int ok = EVP_DigestFinal_ex(stream->context, digest->bytes, NULL);
	digest_stream_clear(stream);
	return ok == 1 || failed("finish", err);
}

void digest_stream_clear(struct digest_stream *stream)
{
	EVP_MD_CTX_free(stream->context);
	stream->context = NULL;
}

bool digest_of_bytes(const void *bytes, size_t size, enum digest_algorithm algorithm,
                     struct digest *digest, struct error *err)
{
	*digest = (struct digest){.algorithm = algorithm};
	if (EVP_Digest(bytes, size, digest->bytes, NULL, message_digest(algorithm), NULL) != 1)
		return failed("compute", err);
	return true;
}

bool digest_of_file(int fd, enum digest_algorithm algorithm, struct digest *digest, uint64_t *size,
                    struct error *err)
{
	struct digest_stream stream;
	if (!digest_stream_init(&stream, algorithm, err))
		return false;
	uint8_t buffer[READ_BYTES];
	uint64_t done = 0;
	for (;;) {
		ssize_t got = pread(fd, buffer, sizeof buffer, (off_t)done);
		if (got == 0)
			break;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int cause = errno;
			digest_stream_clear(&stream);
			return error_set_errno(err, cause, "cannot read at byte %llu",
			                       (unsigned long long)done);
		}
		if (!digest_stream_add(&stream, buffer, (size_t)got, err)) {
			digest_stream_clear(&stream);
			return false;
		}
		done += (uint64_t)got;
	}
	*size = done;
	return digest_stream_finish(&stream, digest, err);
}
