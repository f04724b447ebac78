/* Removing a directory that a stranger filled. */
#ifndef PLUGIN_REMOVE_H
#define PLUGIN_REMOVE_H

/* Removes the directory with everything below, in constant memory and descriptors however deep it
 * nests, and follows no symlink. A mount in it is left as it is (EBUSY). 0, or the errno of the
 * first thing that stayed. Nobody else may change it meanwhile. */
int remove_tree(const char *path);

#endif
