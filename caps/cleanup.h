/* Cleanup attributes: what a scope owns is given back on every way out of it, so that error paths
 * are plain returns. take_fd() and take_ptr() hand ownership on. */
#ifndef CAPS_CLEANUP_H
#define CAPS_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_at(void *at)
{
	free(*(void **)at);
}

static inline void cleanup_close_at(const int *at)
{
	if (*at >= 0) {
		int kept = errno;
		close(*at);
		errno = kept;
	}
}

static inline void cleanup_closedir_at(DIR *const *at)
{
	if (*at != NULL) {
		int kept = errno;
		closedir(*at);
		errno = kept;
	}
}

#define cleanup_free __attribute__((cleanup(cleanup_free_at)))
#define cleanup_close __attribute__((cleanup(cleanup_close_at)))
#define cleanup_closedir __attribute__((cleanup(cleanup_closedir_at)))

static inline int take_fd(int *at)
{
	int fd = *at;
	*at = -1;
	return fd;
}

static inline void *take_ptr(void *at)
{
	void *ptr = *(void **)at;
	*(void **)at = NULL;
	return ptr;
}

#endif
