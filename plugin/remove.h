/* Removing a directory that a stranger filled. */
#ifndef PLUGIN_REMOVE_H
#define PLUGIN_REMOVE_H

/* Removes the directory with everything below, in constant memory and descriptors however deep it
 * nests, and follows no symlink. A mount in it keeps its contents (EBUSY), though it may end
 * further up, with the directory it was in. 0, or the errno of the first thing that stayed: ENOTDIR
 * when it is no directory itself. Nobody else may change it meanwhile. */
int remove_tree(const char *path);

#endif
