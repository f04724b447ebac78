/* A folder whose names come from strangers: archives, object keys, guests.
 *
 * A path is walked from the folder's own descriptor, one component at a time, and no symlink is
 * ever followed, wherever it points: what is made or read lies in the folder. So a symlink in an
 * archive can be made, and nothing can be written through it. */
#ifndef PLUGIN_TREE_H
#define PLUGIN_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define TREE_PATH_MAX 4095

struct tree {
	int root;      /* borrowed */
	int above;     /* the folder that was walked to last, or -1: entries come folder by folder */
	char *path;    /* of it; NULL: none */
	mode_t folder; /* mode of folders that are made on the way */
};

/* For designated initialising; to be cleared. */
#define TREE_INIT(root_) {.root = (root_), .above = -1, .folder = 0755}
void tree_clear(struct tree *tree);
#define cleanup_tree __attribute__((cleanup(tree_clear)))

/* Brings a path into the form that the functions below take: no "." or empty components, no slash
 * at the end; "" for the folder itself. *depth counts its components. False when it is absolute,
 * holds
 * "..", or is too long: then nothing may be done with it. */
bool tree_path(const char *path, char clean[TREE_PATH_MAX + 1], unsigned *depth);

/* The folder that holds the last component: a descriptor valid until the next call, and the
 * component in *name (part of `path`). With `make`, missing folders are made. A negative errno:
 * -ENOENT, -ENOTDIR (a component is a file), -ELOOP (a component is a symlink). */
int tree_above(struct tree *tree, const char *path, bool make, const char **name);

/* As tree_above() of a path below `path`: opens the folder itself. The caller closes it. */
int tree_folder(struct tree *tree, const char *path, bool make);

/* Writes all of it: 0 or an errno. */
int tree_write(int fd, const void *bytes, size_t size);

/* Whether a symlink at `path` (as of tree_path()) with this target stays in the folder: a relative
 * one, which
 * ".." leads no higher. */
bool tree_target_stays(const char *path, const char *target);

/* Calls each() for every entry below a folder, a folder before what lies in it, siblings in the
 * order of their names' bytes, so that equal trees are told equally. `path` is relative to the
 * folder. False from each() ends the walk, which then returns 1; 0 at the end; a negative errno,
 * -ENAMETOOLONG beyond `depth_max` levels. `fd` is that of the folder which holds the entry. */
typedef bool tree_each(void *env, int fd, const char *name, const char *path);
int tree_walk(int folder, unsigned depth_max, tree_each *each, void *env);

#endif
