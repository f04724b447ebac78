/* Unpacks an archive from a stranger into a folder, by libarchive, as its bytes come in.
 *
 * Only libarchive's readers are used. What is written is decided here, in a tree (plugin/tree.h):
 *   - files, folders, symlinks, hard links; a device, a fifo or a socket is an error that names it;
 *   - an absolute path or one with "..", and a link that leads out, is an error that names it;
 *   - of a mode count the nine permission bits; folders keep their owner's access, so that they can
 *     be removed again;
 *   - owners, times, extended attributes and access lists are ignored;
 *   - of two entries of one name the later one wins, as tar programs have it. */
#ifndef PLUGIN_UNARCHIVE_H
#define PLUGIN_UNARCHIVE_H

#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes count with their holes. What cannot be bounded by libarchive's own header limits is bounded
 * by these, each the value of an option of `tiphys serve`. */
struct archive_limits {
	uint64_t bytes; /* --max-artifact */
	uint64_t files; /* --max-artifact-files: entries of any kind */
	uint64_t depth; /* --max-artifact-depth: components of a path */
	uint64_t ratio; /* --max-artifact-ratio: unpacked bytes for each packed one */
};

#define ARCHIVE_LIMITS_DEFAULT                                                                     \
	{.bytes = (uint64_t)16 << 30, .files = 1000000, .depth = 256, .ratio = 500}

/* So much may be unpacked before the ratio counts: small archives of zeros are no bombs. */
#define ARCHIVE_RATIO_GRACE ((uint64_t)64 << 20)

/* Where the packed bytes come from: *bytes borrowed until the next call; 0 at the end, -1 with *err
 * set. */
struct archive_source {
	ssize_t (*read)(void *env, const void **bytes, struct error *err);
	void *env;
};

/* A tar, plain or packed by gzip or zstd, into `folder`. */
bool unarchive_tar(const struct archive_source *source, int folder,
                   const struct archive_limits *limits, struct error *err);

/* A zip, whose directory is at its end: from a file. */
bool unarchive_zip(int file, int folder, const struct archive_limits *limits, struct error *err);

/* Whether these first bytes are of a gzipped tar: what a consumer in Argo unpacks unasked. */
bool unarchive_is_tgz(const void *bytes, size_t size);

#endif
