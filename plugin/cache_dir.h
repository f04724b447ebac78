/* Where tiphys keeps what it can make or fetch again. */
#ifndef PLUGIN_CACHE_DIR_H
#define PLUGIN_CACHE_DIR_H

/* A copy of `dir` when that is given; else $FS_CACHE_DIR, else $XDG_CACHE_HOME/tiphys, else
 * ~/.cache/tiphys. NULL when there is none of them, or no memory. Touches no disk. */
char *cache_dir_choose(const char *dir);

#endif
