/* A stream of bytes of unknown size into one object of an S3 bucket.
 *
 * Bytes are gathered in files of the scratch folder, a part each, so that a part's digest is known
 * before it is sent and it can be sent again. What fits one part is put as a whole; otherwise parts
 * are sent while the next one is gathered, a few at a time. */
#ifndef PLUGIN_UPLOAD_H
#define PLUGIN_UPLOAD_H

#include "plugin/digest.h"
#include "plugin/s3.h"
#include "validator/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UPLOAD_PART_DEFAULT ((uint64_t)64 << 20)
#define UPLOAD_PARALLEL_DEFAULT 2
#define UPLOAD_PARALLEL_MAX 16

struct upload_part {
	struct upload *upload;
	pthread_t thread;
	bool is_running;
	int file;
	unsigned number; /* from 1 */
	uint64_t size;
	char sha256[72];
	char etag[S3_ETAG_MAX];
	struct error error;
};

struct upload {
	const struct s3 *s3;
	const char *key;
	int scratch; /* descriptor of a folder */
	uint64_t part_size;
	unsigned parallel;
	/* the part that is gathered */
	int file;
	uint64_t size;
	struct digest_stream stream;
	/* those that were sent */
	char *id; /* NULL: nothing was sent yet */
	unsigned count;
	char (*etags)[S3_ETAG_MAX];
	struct upload_part parts[UPLOAD_PARALLEL_MAX];
};

/* Pointers are borrowed until upload_clear(). */
void upload_init(struct upload *upload, const struct s3 *s3, const char *key, int scratch,
                 uint64_t part_size, unsigned parallel);
bool upload_add(struct upload *upload, const void *bytes, size_t size, struct error *err);
/* The object is there when it returns true, and not before. */
bool upload_finish(struct upload *upload, struct error *err);
/* Ends what still runs, and removes what was sent of an upload that was not finished. */
void upload_clear(struct upload *upload);
#define cleanup_upload __attribute__((cleanup(upload_clear)))

#endif
