#include "bench/machine.h"

#include "bench/process.h"

#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>

#include <linux/magic.h>

#define IDLE_WINDOW_MS 250

/* The value of the first line "KEY<separator>VALUE", without quotes; false when there is none. */
static bool find_value(const char *path, const char *key, char separator, char *value, size_t size)
{
	FILE *file = fopen(path, "re");
	char line[512];
	bool found = false;
	if (file == NULL)
		return false;
	while (!found && fgets(line, sizeof line, file) != NULL) {
		char *at = strchr(line, separator);
		size_t length = strlen(key);
		if (at == NULL || strncmp(line, key, length) != 0 ||
		    (!isspace(line[length]) && line + length != at))
			continue;
		for (at++; *at == ' ' || *at == '\t' || *at == '"'; at++)
			;
		at[strcspn(at, "\"\n")] = '\0';
		snprintf(value, size, "%s", at);
		found = true;
	}
	fclose(file);
	return found;
}

static bool read_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	bool is_read = file != NULL && fgets(text, (int)size, file) != NULL;
	if (file != NULL)
		fclose(file);
	if (is_read)
		text[strcspn(text, "\n")] = '\0';
	return is_read;
}

static void describe_virtualisation(struct machine *machine)
{
	char flags[8192] = "", vendor[64] = "";
	FILE *file = fopen("/proc/cpuinfo", "re");
	bool has_hypervisor = false;
	while (file != NULL && fgets(flags, sizeof flags, file) != NULL)
		if (strncmp(flags, "flags", 5) == 0 && strstr(flags, " hypervisor") != NULL)
			has_hypervisor = true;
	if (file != NULL)
		fclose(file);
	if (!read_line("/sys/class/dmi/id/sys_vendor", vendor, sizeof vendor) && !has_hypervisor)
		snprintf(machine->virtualisation, sizeof machine->virtualisation, "none seen");
	else if (has_hypervisor)
		snprintf(machine->virtualisation, sizeof machine->virtualisation, "virtual machine%s%s%s",
		         vendor[0] != '\0' ? " (" : "", vendor, vendor[0] != '\0' ? ")" : "");
	else
		snprintf(machine->virtualisation, sizeof machine->virtualisation, "none seen (%s)", vendor);
}

static const char *cgroup_layout(void)
{
	struct statfs root, unified;
	if (statfs("/sys/fs/cgroup", &root) != 0)
		return "none";
	if (root.f_type == CGROUP2_SUPER_MAGIC)
		return "v2";
	if (statfs("/sys/fs/cgroup/unified", &unified) == 0 && unified.f_type == CGROUP2_SUPER_MAGIC)
		return "hybrid";
	return root.f_type == TMPFS_MAGIC ? "v1" : "none";
}

void machine_describe(struct machine *machine)
{
	struct utsname names;
	struct sysinfo info;
	cpu_set_t set;
	*machine = (struct machine){.processors = 1, .processor = "unknown", .system = "unknown"};
	find_value("/proc/cpuinfo", "model name", ':', machine->processor, sizeof machine->processor);
	find_value("/etc/os-release", "PRETTY_NAME", '=', machine->system, sizeof machine->system);
	if (uname(&names) == 0)
		snprintf(machine->kernel, sizeof machine->kernel, "%.40s %.60s %.20s", names.sysname,
		         names.release, names.machine);
	describe_virtualisation(machine);
	snprintf(machine->cgroups, sizeof machine->cgroups, "%s", cgroup_layout());
	if (sched_getaffinity(0, sizeof set, &set) == 0)
		machine->processors = (unsigned)CPU_COUNT(&set);
	if (sysinfo(&info) == 0)
		machine->memory_bytes = (uint64_t)info.totalram * info.mem_unit;
	if (getloadavg(&machine->load, 1) != 1)
		machine->load = 0;
}

char *machine_text(const struct machine *machine, char *text, size_t size)
{
	snprintf(text, size, "%u x %s, %.1f GiB, %s, %s, %s, cgroups %s, load %.2f",
	         machine->processors, machine->processor,
	         (double)machine->memory_bytes / (double)(1 << 30), machine->virtualisation,
	         machine->kernel, machine->system, machine->cgroups, machine->load);
	return text;
}

/* Ticks of all processors since boot: idle ones (with those that wait for a disk), and all. */
static bool read_ticks(unsigned long long *idle, unsigned long long *all)
{
	unsigned long long ticks[8] = {0};
	char line[512];
	if (!read_line("/proc/stat", line, sizeof line) ||
	    sscanf(line, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &ticks[0], &ticks[1], &ticks[2],
	           &ticks[3], &ticks[4], &ticks[5], &ticks[6], &ticks[7]) < 5)
		return false;
	*idle = ticks[3] + ticks[4];
	*all = 0;
	for (size_t i = 0; i < sizeof ticks / sizeof ticks[0]; i++)
		*all += ticks[i];
	return true;
}

double machine_idle_share(unsigned milliseconds)
{
	unsigned long long idle, all, idle_after, all_after;
	struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
	if (!read_ticks(&idle, &all))
		return -1;
	nanosleep(&pause, NULL);
	if (!read_ticks(&idle_after, &all_after) || all_after <= all)
		return -1;
	return (double)(idle_after - idle) / (double)(all_after - all);
}

double machine_wait_idle(double seconds)
{
	double deadline = monotonic_seconds() + seconds, share;
	do
		share = machine_idle_share(IDLE_WINDOW_MS);
	while (share >= 0 && share < MACHINE_IDLE_ENOUGH && monotonic_seconds() < deadline);
	return share;
}
