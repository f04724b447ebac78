#include "bench/resident.h"

#include "caps/cleanup.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct entry {
	pid_t pid, parent;
	uint64_t ticks;
	bool is_in; /* of the tree */
};

/* /proc/PID/stat: PID (NAME) STATE PPID … utime and stime are its fields 14 and 15. */
static bool read_entry(pid_t pid, struct entry *entry)
{
	char path[64], line[1024];
	unsigned long long user, system;
	int parent;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	bool is_read = file != NULL && fgets(line, sizeof line, file) != NULL;
	if (file != NULL)
		fclose(file);
	/* A name may hold anything, a parenthesis too. */
	const char *rest = is_read ? strrchr(line, ')') : NULL;
	if (rest == NULL || sscanf(rest, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
	                           &parent, &user, &system) != 3)
		return false;
	*entry = (struct entry){.pid = pid, .parent = parent, .ticks = user + system};
	return true;
}

/* All processes, for free(). */
static struct entry *list_processes(size_t *count, struct error *err)
{
	struct entry *list = NULL;
	size_t room = 0;
	DIR *directory = opendir("/proc");
	*count = 0;
	if (directory == NULL) {
		error_put_errno(err, errno, "cannot read /proc");
		return NULL;
	}
	for (const struct dirent *item; (item = readdir(directory)) != NULL;) {
		pid_t pid = (pid_t)strtol(item->d_name, NULL, 10);
		if (pid <= 0)
			continue;
		if (*count == room) {
			room = 2 * room + 256;
			struct entry *grown = realloc(list, room * sizeof *grown);
			if (grown == NULL) {
				error_put(err, ERROR_NO_MEMORY, "no memory for the list of processes");
				free(list);
				closedir(directory);
				return NULL;
			}
			list = grown;
		}
		*count += read_entry(pid, &list[*count]);
	}
	closedir(directory);
	return list;
}

static int by_pid(const void *a, const void *b)
{
	pid_t left = ((const struct entry *)a)->pid, right = ((const struct entry *)b)->pid;
	return (left > right) - (left < right);
}

/* Until no pass finds another one: a tree is a few generations deep, whatever its width. The list
 * is in the order of process ids. */
static void mark_tree(struct entry *list, size_t count, pid_t root)
{
	for (size_t i = 0; i < count; i++)
		list[i].is_in = list[i].pid == root;
	for (bool has_grown = true; has_grown;) {
		has_grown = false;
		for (size_t i = 0; i < count; i++) {
			const struct entry wanted = {.pid = list[i].parent};
			const struct entry *parent = bsearch(&wanted, list, count, sizeof *list, by_pid);
			if (!list[i].is_in && parent != NULL && parent->is_in)
				list[i].is_in = has_grown = true;
		}
	}
}

/* All processes, in the order of their ids, those of the tree marked; for free(). */
static struct entry *list_tree(pid_t root, size_t *count, struct error *err)
{
	struct entry *list = list_processes(count, err);
	if (list == NULL)
		return NULL;
	qsort(list, *count, sizeof *list, by_pid);
	mark_tree(list, *count, root);
	return list;
}

/* The sum of the lines "KEY: N kB". */
static uint64_t read_kibibytes(pid_t pid, const char *name, const char *key)
{
	char path[64], line[256];
	unsigned long long value, sum = 0;
	size_t length = strlen(key);
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	FILE *file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, key, length) == 0 && sscanf(line + length, ": %llu kB", &value) == 1)
			sum += value;
	if (file != NULL)
		fclose(file);
	return sum << 10;
}

bool resident_kill_below(pid_t root, size_t *killed, struct error *err)
{
	size_t count;
	cleanup_free struct entry *list = list_tree(root, &count, err);
	*killed = 0;
	if (list == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		if (list[i].is_in && list[i].pid != root)
			*killed += kill(list[i].pid, SIGKILL) == 0;
	return true;
}

bool resident_know(pid_t root, struct resident_known *known, struct error *err)
{
	size_t count;
	cleanup_free struct entry *list = list_tree(root, &count, err);
	*known = (struct resident_known){0};
	if (list == NULL)
		return false;
	known->pids = malloc((count + 1) * sizeof *known->pids);
	if (known->pids == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the list of processes");
	for (size_t i = 0; i < count; i++)
		if (list[i].is_in)
			known->pids[known->count++] = list[i].pid;
	return true;
}

static int by_number(const void *a, const void *b)
{
	pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;
	return (left > right) - (left < right);
}

static bool is_known(const struct resident_known *known, pid_t pid)
{
	return known != NULL &&
	       bsearch(&pid, known->pids, known->count, sizeof *known->pids, by_number) != NULL;
}

bool resident_of_tree(pid_t root, unsigned how, const struct resident_known *known,
                      struct resident *sum, struct error *err)
{
	size_t count;
	cleanup_free struct entry *list = list_tree(root, &count, err);
	*sum = (struct resident){0};
	if (list == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!list[i].is_in || ((how & RESIDENT_BELOW) != 0 && list[i].pid == root) ||
		    is_known(known, list[i].pid))
			continue;
		sum->processes++;
		sum->ticks += list[i].ticks;
		if ((how & RESIDENT_COUNTED) == 0)
			sum->bytes += read_kibibytes(list[i].pid, "smaps_rollup", "Pss") +
			              read_kibibytes(list[i].pid, "status", "VmPTE");
	}
	return true;
}
