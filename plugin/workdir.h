/* The directory of one run, which the guest knows as /work, and the root that holds those of one
 * server.
 *
 * After the guest ran, everything below is its: names, links, sizes. So files are reached through a
 * set of capabilities that holds this one directory, by the same rules that bind the guest. */
#ifndef PLUGIN_WORKDIR_H
#define PLUGIN_WORKDIR_H

#include "caps/caps.h"
#include "plugin/bytes.h"
#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define WORKDIR_GUEST "/work"

/* The server's own directory below --work-dir. It is locked while the server lives. */
struct workroot {
	char *path;
	int lock;
	struct spares *spares; /* directories for runs to come */
};

/* Makes a fresh one, and removes those below `parent` whose server is gone (it was killed). */
bool workroot_create(struct workroot *root, const char *parent, struct error *err);

/* Removes it with all that is in it, from the disk alone: runs may be under way (a server that
 * stops does not wait for all), and make no directory any more. */
void workroot_remove(struct workroot *root);

/* As workroot_remove(); no run begins any more, one that is under way may still end. Does nothing
 * when it was not made. */
void workroot_destroy(struct workroot *root);

struct workdir {
	char *path; /* on the host */
	struct spares *home;
	struct caps *caps;
	int fd;           /* its descriptor in caps */
	struct stat made; /* as it was made */
};

/* Starts as {.fd = -1}; may be destroyed in that state. */
#define WORKDIR_INIT {.fd = -1}

/* An empty directory that shows nothing of an earlier run: neither its size nor its times. It may
 * have been another's that left it alone: making and removing directories is what a file system
 * with a journal is slow at. */
bool workdir_create(struct workdir *dir, const struct workroot *root, struct error *err);

/* Removes it with all that is in it, and makes another in its place for a run to come. One that was
 * left alone is kept for that as it is. */
void workdir_destroy(struct workdir *dir);
#define cleanup_workdir __attribute__((cleanup(workdir_destroy)))

/* What a guest's path means below /work: "/work/a/b" is "a/b". NULL when it is not below /work, or
 * holds
 * "..", "." or empty components. Borrowed from `guest`. */
const char *workdir_relative(const char *guest);

/* Makes directory `path` below, and those above it. */
bool workdir_mkdir(struct workdir *dir, const char *path, struct error *err);

/* Makes a file below, and the directories above it. */
bool workdir_write(struct workdir *dir, const char *path, const void *data, size_t size,
                   struct error *err);

/* Reads a regular file of at most `max` bytes. False with *err set; err->sys_errno is ENOENT when
 * there is none, and the kind is ERROR_LIMIT when it is larger. */
bool workdir_read(struct workdir *dir, const char *path, size_t max, struct bytes *into,
                  struct error *err);

#endif
