/* Suites come as archives: unpacked into a folder of their own, which is removed afterwards. */
#ifndef SPEC_TESTS_UNPACK_H
#define SPEC_TESTS_UNPACK_H

#include "validator/error.h"

#include <limits.h>
#include <stddef.h>

/* Makes a new folder in TMPDIR (when that is not set: in memory, else in /tmp) and unpacks the tar
 * at path into it. False with an error, and then there is no folder and its name is empty. */
bool unpack(const char *path, char folder[PATH_MAX], struct error *err);

/* A new empty folder in TMPDIR. */
bool folder_make(char folder[PATH_MAX], struct error *err);

/* Copies folders and regular files. */
bool tree_copy(const char *from, const char *to, struct error *err);

void remove_tree(const char *path);

/* "folder/rest"; false when it does not fit. */
bool path_join(char *buf, size_t size, const char *folder, const char *rest);

#endif
