/* The file wall of the sandbox: Landlock. */
#ifndef CAPS_SANDBOX_FILES_H
#define CAPS_SANDBOX_FILES_H

#include "caps/caps.h"

/* From now on the calling thread opens, makes and removes files below the directories of the set
 * and nowhere else; where the kernel knows how, it neither signals nor reaches abstract sockets of
 * others. What is open stays usable. Landlock does not hide that a path exists: its attributes stay
 * readable as far as its permissions allow. no_new_privs must be set. 0; -ENOSYS when the kernel's
 * Landlock is missing or too old; or another negative errno. */
int sandbox_wall_files(struct caps *caps);

#endif
