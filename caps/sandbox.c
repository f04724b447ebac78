#include "caps/sandbox.h"

#include "caps/sandbox_files.h"
#include "caps/sandbox_filter.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct sandbox_part_row rows[] = {
#define SANDBOX_PART(id, name, risk) [id] = {name, risk},
#include "caps/sandbox.def"
#undef SANDBOX_PART
};

const struct sandbox_part_row *sandbox_part_row(enum sandbox_part id)
{
	return (unsigned)id < SANDBOX_PART_COUNT ? &rows[id] : NULL;
}

bool sandbox_leave_network(void)
{
	if (unshare(CLONE_NEWNET) == 0)
		return true;
	/* Whoever may make a user namespace is its master, and so may make the other in it. Its files
	 * stay those of the same user. */
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

/* Empty sets, whatever the user: root's files stay root's, but nothing is overridden any more. */
static int drop_capabilities(void)
{
	struct {
		uint32_t version;
		int pid;
	} header = {.version = 0x20080522 /* of 64 bits, in two halves */};
	const struct {
		uint32_t effective, permitted, inheritable;
	} none[2] = {{0, 0, 0}, {0, 0, 0}};
	return syscall(SYS_capset, &header, none) == 0 ? 0 : -errno;
}

/* What this process has of a sandbox, or inherited, and need not ask for again. */
static struct {
	bool has_no_new_privs, is_not_dumpable, has_common_limits, has_no_processes;
	bool knows_limits; /* as they were when sandbox_prepare() had lowered some */
	struct rlimit limits[RLIM_NLIMITS];
} has;

static int set_no_new_privs(void)
{
	int failure = has.has_no_new_privs || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : -errno;
	has.has_no_new_privs = failure == 0;
	return failure;
}

static int forbid_dumps(void)
{
	int failure = has.is_not_dumpable || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : -errno;
	has.is_not_dumpable = failure == 0;
	return failure;
}

static int drop_privileges(void)
{
	int failure = set_no_new_privs();
	if (failure == 0)
		failure = forbid_dumps();
	return failure < 0 ? failure : drop_capabilities();
}

/* Lowers a limit, the hard one too; one that is lower already stays. */
static int lower(int resource, uint64_t soft, uint64_t hard)
{
	struct rlimit limit;
	if (has.knows_limits)
		limit = has.limits[resource];
	else if (getrlimit(resource, &limit) != 0)
		return -errno;
	if (limit.rlim_max > hard)
		limit.rlim_max = hard;
	if (limit.rlim_cur > soft)
		limit.rlim_cur = soft;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	if (setrlimit(resource, &limit) != 0)
		return -errno;
	has.limits[resource] = limit;
	return 0;
}

struct limit {
	int resource;
	uint64_t soft, hard;
};

static int lower_all(const struct limit *limits, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int failure = lower(limits[i].resource, limits[i].soft, limits[i].hard);
		if (failure < 0)
			return failure;
	}
	return 0;
}

/* The same for all runs, and no hindrance to a process that forks them. */
static int set_common_limits(void)
{
	static const struct limit limits[] = {
	    {RLIMIT_CORE, 0, 0}, {RLIMIT_MEMLOCK, 0, 0}, {RLIMIT_MSGQUEUE, 0, 0},
	    {RLIMIT_NICE, 0, 0}, {RLIMIT_RTPRIO, 0, 0},
	};
	int failure = has.has_common_limits ? 0 : lower_all(limits, sizeof limits / sizeof limits[0]);
	has.has_common_limits = failure == 0;
	return failure;
}

static int forbid_processes(void)
{
	int failure = has.has_no_processes ? 0 : lower(RLIMIT_NPROC, 0, 0);
	has.has_no_processes = failure == 0;
	return failure;
}

static int set_limits(const struct sandbox_limits *limits)
{
	const struct limit own[] = {
	    {RLIMIT_DATA, limits->data_bytes, limits->data_bytes},
	    {RLIMIT_CPU, limits->cpu_seconds, limits->cpu_seconds + 1},
	    {RLIMIT_NOFILE, limits->open_files, limits->open_files},
	};
	int failure = set_common_limits();
	if (failure == 0)
		failure = forbid_processes();
	if (failure == 0 && limits->file_bytes != 0)
		failure = lower(RLIMIT_FSIZE, limits->file_bytes, limits->file_bytes);
	return failure < 0 ? failure : lower_all(own, sizeof own / sizeof own[0]);
}

#ifndef TIPHYS_SANITIZED

static void learn_limits(void)
{
	bool all = true;
	for (int i = 0; i < RLIM_NLIMITS; i++)
		all = all && getrlimit(i, &has.limits[i]) == 0;
	has.knows_limits = all;
}

int sandbox_prepare(void)
{
	int failure = set_no_new_privs();
	if (failure == 0)
		failure = set_common_limits();
	if (failure == 0)
		learn_limits();
	return failure < 0 ? failure : sandbox_filter_ancestor();
}

void sandbox_stand(void)
{
	/* What fails is tried again by sandbox_enter(), and told. */
	forbid_dumps();
	forbid_processes();
}

/* 0; or -errno, unless that says that the kernel has no such thing: then the part is lacking. */
static int put_up(int result, enum sandbox_part part, unsigned *lacks)
{
	if (result != -ENOSYS && result != -EOPNOTSUPP)
		return result;
	*lacks |= 1u << part;
	return 0;
}

int sandbox_enter(struct caps *caps, const struct sandbox_limits *limits, bool has_left_network,
                  unsigned *lacks)
{
	int result;
	*lacks = 0;
	prctl(PR_SET_NAME, "tiphys-step");
	/* no_new_privs first, which the kernel wants for Landlock and the filter; the filter last, for
	 * it lets none of the calls of the others through. */
	if ((result = put_up(drop_privileges(), SANDBOX_PRIVILEGES, lacks)) < 0 ||
	    (result = put_up(sandbox_wall_files(caps), SANDBOX_FILES, lacks)) < 0 ||
	    (result = put_up(set_limits(limits), SANDBOX_LIMITS, lacks)) < 0 ||
	    (result = put_up(sandbox_filter_calls(), SANDBOX_CALLS, lacks)) < 0)
		return result;
	if ((*lacks & 1u << SANDBOX_CALLS) != 0 && !has_left_network)
		*lacks |= 1u << SANDBOX_NETWORK;
	return 0;
}

#else

int sandbox_prepare(void)
{
	(void)sandbox_filter_ancestor;
	return -ENOSYS;
}

void sandbox_stand(void)
{
	(void)forbid_processes;
}

/* A sanitizer's runtime reads /proc, maps shadow memory, and traces the process at its end: behind
 * the wall it cannot. Such a build is for finding faults, not for strangers' modules. */
int sandbox_enter(struct caps *caps, const struct sandbox_limits *limits, bool has_left_network,
                  unsigned *lacks)
{
	(void)caps;
	(void)limits;
	(void)has_left_network;
	(void)drop_privileges;
	(void)set_limits;
	(void)sandbox_wall_files;
	(void)sandbox_filter_calls;
	prctl(PR_SET_NAME, "tiphys-step");
	*lacks = (1u << SANDBOX_PART_COUNT) - 1;
	return 0;
}

#endif
