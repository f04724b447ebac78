/* A folder of the test's own with a granted one inside, and the calls that most tests make. */
#ifndef TESTS_CAPS_FIXTURE_H
#define TESTS_CAPS_FIXTURE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "caps/caps.h"
#include "caps/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ROOT_FD 3u /* the first granted directory */

struct fixture {
	char top[PATH_MAX];      /* holds what the guest must not reach */
	char root[PATH_MAX + 8]; /* top/root: granted as "/" */
	struct caps *caps;
};

/* cmocka set-up and tear-down; *state is a struct fixture. */
int fixture_setup(void **state);
int fixture_setup_read_only(void **state);
int fixture_teardown(void **state);

/* Below f->top. */
void host_write(const struct fixture *f, const char *path, const char *text);
void host_mkdir(const struct fixture *f, const char *path);
void host_symlink(const struct fixture *f, const char *target, const char *path);
bool host_exists(const struct fixture *f, const char *path);
/* The file's text, in a static buffer. */
const char *host_read(const struct fixture *f, const char *path);

static inline struct iovec iov_of(void *bytes, size_t size)
{
	return (struct iovec){bytes, size};
}

/* Opens below the granted directory for reading, following symlinks. */
static inline int open_read(struct fixture *f, const char *path)
{
	return caps_path_open(f->caps, ROOT_FD, path,
	                      &(struct caps_open){.read = true, .follow = true});
}

static inline int open_write(struct fixture *f, const char *path)
{
	return caps_path_open(
	    f->caps, ROOT_FD, path,
	    &(struct caps_open){.read = true, .write = true, .create = true, .follow = true});
}

#endif
