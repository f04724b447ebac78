#include "bench/mounts.h"

#include "bench/machine.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

bool mounts_without_hybrid(const char **note, struct error *err)
{
	struct machine machine;
	*note = NULL;
	machine_describe(&machine);
	if (strcmp(machine.cgroups, "hybrid") != 0)
		return true;
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return error_set_errno(err, errno, "cannot make a mount namespace");
	if (umount2("/sys/fs/cgroup/unified", MNT_DETACH) != 0)
		return error_set_errno(err, errno, "cannot unmount /sys/fs/cgroup/unified");
	*note = "cgroups are mounted hybrid here, which crun refuses; all contenders ran in a mount "
	        "namespace without /sys/fs/cgroup/unified";
	return true;
}
