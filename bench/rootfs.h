/* Root filesystems made on the spot from Debian's packages. */
#ifndef BENCH_ROOTFS_H
#define BENCH_ROOTFS_H

#include "validator/error.h"

#include <stddef.h>

/* One busybox-static and the jobs' static programs, in DIRECTORY: some 5 MB, made anew each time.
 */
bool rootfs_busybox(const char *directory, struct error *err);

/* Debian with python3 by debootstrap, and the jobs' scripts: some 200 MB and a minute or two,
 * fetched from Debian's mirror. Kept when it is there already; only the scripts are made anew. */
bool rootfs_python(const char *directory, struct error *err);

/* Makes DIRECTORY and what is above it. */
bool make_directories(const char *directory, struct error *err);

/* Removes it with all that is in it; what is not there is removed. A mount in it is left as it is,
 * and told. */
bool remove_directory(const char *directory, struct error *err);

#endif
