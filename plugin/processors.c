#include "plugin/processors.h"

#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

uint64_t processors_present(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof set, &set) == 0 ? (uint64_t)CPU_COUNT(&set) : 1;
}

/* The first line of ROOT/FOLDER/NAME. */
static bool read_line(const char *folder, const char *name, char *line, size_t size)
{
	char path[2 * PATH_MAX];
	if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
		return false;
	FILE *file = fopen(path, "re");
	bool fine = file != NULL && fgets(line, (int)size, file) != NULL;
	if (file != NULL)
		fclose(file);
	return fine;
}

static void lower(uint64_t *granted, int64_t quota, int64_t period)
{
	if (quota <= 0 || period <= 0)
		return;
	uint64_t whole = (uint64_t)quota / (uint64_t)period + (quota % period != 0);
	if (whole < *granted)
		*granted = whole;
}

static void ask_v2(const char *folder, uint64_t *granted)
{
	char line[128];
	int64_t quota, period;
	/* "max 100000" is no limit. */
	if (read_line(folder, "cpu.max", line, sizeof line) &&
	    sscanf(line, "%" SCNd64 " %" SCNd64, &quota, &period) == 2)
		lower(granted, quota, period);
}

static void ask_v1(const char *folder, uint64_t *granted)
{
	char quota_line[64], period_line[64];
	int64_t quota, period;
	/* -1 is no limit. */
	if (read_line(folder, "cpu.cfs_quota_us", quota_line, sizeof quota_line) &&
	    read_line(folder, "cpu.cfs_period_us", period_line, sizeof period_line) &&
	    sscanf(quota_line, "%" SCNd64, &quota) == 1 &&
	    sscanf(period_line, "%" SCNd64, &period) == 1)
		lower(granted, quota, period);
}

/* Asks the cgroup and all above it. Inside a container the path may be the machine's, of which the
 * mount shows the end alone: then the last one asked is the container's own. */
static void ask_all(const char *root, const char *mount, const char *group,
                    void (*ask)(const char *folder, uint64_t *granted), uint64_t *granted)
{
	char folder[PATH_MAX];
	int base = snprintf(folder, sizeof folder, "%s%s", root, mount);
	if (base >= (int)sizeof folder || snprintf(folder + base, sizeof folder - (size_t)base, "%s",
	                                           group) >= (int)sizeof folder - base)
		return;
	for (;;) {
		ask(folder, granted);
		char *slash = strrchr(folder + base, '/');
		if (slash == NULL)
			return;
		*slash = '\0';
	}
}

static bool lists(const char *controllers, const char *name)
{
	size_t size = strlen(name);
	for (const char *at = controllers; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == '\0'))
			return true;
	}
	return false;
}

/* A line of /proc/self/cgroup: "0::/group", or "4:cpu,cpuacct:/group". */
static void ask_line(const char *root, char *line, uint64_t *granted)
{
	line[strcspn(line, "\n")] = '\0';
	char *controllers = strchr(line, ':');
	char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
	if (group == NULL)
		return;
	*group++ = '\0';
	controllers++;
	if (*controllers == '\0') {
		ask_all(root, "/sys/fs/cgroup", group, ask_v2, granted);
		ask_all(root, "/sys/fs/cgroup/unified", group, ask_v2, granted);
	} else if (lists(controllers, "cpu")) {
		ask_all(root, "/sys/fs/cgroup/cpu", group, ask_v1, granted);
		ask_all(root, "/sys/fs/cgroup/cpu,cpuacct", group, ask_v1, granted);
	}
}

uint64_t processors_granted(const char *root, uint64_t present)
{
	char path[PATH_MAX], line[PATH_MAX];
	uint64_t granted = present;
	snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
	FILE *file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		ask_line(root, line, &granted);
	if (file != NULL)
		fclose(file);
	return granted > 0 ? granted : 1;
}
