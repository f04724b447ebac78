#include "bench/leftover.h"

#include "bench/containers.h"
#include "bench/mounts.h"
#include "bench/process.h"
#include "bench/rootfs.h"
#include "caps/cleanup.h"
#include "plugin/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { COMMAND_SECONDS = 60, KILL_SECONDS = 30, DESCRIPTORS = 16, PATH_SIZE = 4096 };

/* ---- names ---- */

#define PREFIX "bench-"
#define FOLDER "/tmp/tiphys-bench."

void leftover_prefix(const char *directory, char prefix[LEFTOVER_PREFIX_SIZE])
{
	snprintf(prefix, LEFTOVER_PREFIX_SIZE, PREFIX "%08x-", (unsigned)hash_text(directory));
}

const char *leftover_directory(void)
{
	const char *directory = getenv(LEFTOVER_MARK);
	return directory != NULL ? directory : "";
}

void leftover_name(char *name, size_t size, const char *what)
{
	static unsigned number;
	char prefix[LEFTOVER_PREFIX_SIZE];
	leftover_prefix(leftover_directory(), prefix);
	snprintf(name, size, "%s%d-%s-%u", prefix, (int)getpid(), what, number++);
}

/* ---- the note: it is there, and lists folders ---- */

static void note_path(const char *directory, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/running", directory);
}

bool leftover_note(const char *directory, struct error *err)
{
	char path[PATH_SIZE];
	note_path(directory, path);
	cleanup_close int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return file >= 0 || error_set_errno(err, errno, "cannot make %s", path);
}

bool leftover_folder(char path[LEFTOVER_FOLDER_SIZE], struct error *err)
{
	const char *directory = getenv(LEFTOVER_MARK);
	char note[PATH_SIZE];
	strcpy(path, FOLDER "XXXXXX");
	if (mkdtemp(path) == NULL)
		return error_set_errno(err, errno, "cannot make %s", path);
	if (directory == NULL)
		return true;
	note_path(directory, note);
	FILE *file = fopen(note, "ae");
	bool is_noted = file != NULL && fprintf(file, "%s\n", path) > 0;
	if (file != NULL && fclose(file) != 0)
		is_noted = false;
	return is_noted || error_set_errno(err, errno, "cannot write %s", note);
}

/* A folder of that name may be somebody else's by now, whose links must not be gone along with. */
static bool is_own_folder(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static void remove_folders(const char *directory)
{
	char note[PATH_SIZE];
	cleanup_free char *line = NULL;
	size_t room = 0;
	note_path(directory, note);
	FILE *file = fopen(note, "re");
	while (file != NULL && getline(&line, &room, file) > 0) {
		struct error ignored = ERROR_INIT;
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, FOLDER, strlen(FOLDER)) == 0 &&
		    strchr(line + strlen(FOLDER), '/') == NULL && is_own_folder(line))
			remove_directory(line, &ignored);
	}
	if (file != NULL)
		fclose(file);
}

void leftover_forget(const char *directory)
{
	char path[PATH_SIZE];
	note_path(directory, path);
	unlink(path);
}

bool leftover_is_there(const char *directory)
{
	char path[PATH_SIZE];
	note_path(directory, path);
	return access(path, F_OK) == 0;
}

/* ---- processes ---- */

/* Whether the environment that a process began with has that variable. */
static bool has_variable(pid_t pid, const char *variable)
{
	char path[64];
	cleanup_free char *word = NULL;
	size_t room = 0;
	bool found = false;
	snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
	FILE *file = fopen(path, "re");
	while (file != NULL && !found && getdelim(&word, &room, '\0', file) > 0)
		found = strcmp(word, variable) == 0;
	if (file != NULL)
		fclose(file);
	return found;
}

/* Where there are no pidfds, or no more descriptors. */
static bool end_by_number(pid_t pid, const char *variable, double deadline)
{
	while (has_variable(pid, variable)) {
		if (monotonic_seconds() > deadline)
			return false;
		kill(pid, SIGKILL);
		usleep(10000);
	}
	return true;
}

/* Kills one that has the variable, and waits until it is gone; it may be gone, or be another one,
 * before it is looked at. */
static bool end_process(pid_t pid, const char *variable, double deadline)
{
	cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd end = {.fd = fd, .events = POLLIN};
	if (fd < 0)
		return errno == ESRCH || end_by_number(pid, variable, deadline);
	if (!has_variable(pid, variable))
		return true;
	syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	double left = deadline - monotonic_seconds();
	return poll(&end, 1, left < 0 ? 0 : (int)(left * 1e3)) == 1;
}

bool leftover_kill(const char *directory, struct error *err)
{
	char variable[PATH_SIZE + sizeof LEFTOVER_MARK];
	double deadline = monotonic_seconds() + KILL_SECONDS;
	snprintf(variable, sizeof variable, LEFTOVER_MARK "=%s", directory);
	for (size_t found = 1; found > 0;) {
		cleanup_closedir DIR *all = opendir("/proc");
		if (all == NULL)
			return error_set_errno(err, errno, "cannot read /proc");
		found = 0;
		for (const struct dirent *item; (item = readdir(all)) != NULL;) {
			pid_t pid = (pid_t)strtol(item->d_name, NULL, 10);
			if (pid <= 0 || pid == getpid() || !has_variable(pid, variable))
				continue;
			found++;
			if (!end_process(pid, variable, deadline))
				return error_set(
				    err, ERROR_SYSTEM,
				    "process %d of an earlier run in %s outlives its kill by %d s; end "
				    "it, or name another directory by --directory",
				    (int)pid, directory, KILL_SECONDS);
		}
	}
	return true;
}

/* ---- containers ---- */

static void do_command(const char *const *argv)
{
	/* One that is gone already, or whose runtime is not installed: there is nothing to do then. */
	struct error ignored = ERROR_INIT;
	process_do((char *const *)(uintptr_t)argv, COMMAND_SECONDS, &ignored);
}

/* Those that a runtime knows in its folder `state`, when their names begin so. */
static void delete_containers(const char *runtime, const char *state, const char *prefix)
{
	cleanup_closedir DIR *all = opendir(state);
	for (const struct dirent *item; all != NULL && (item = readdir(all)) != NULL;)
		if (item->d_name[0] != '.' && strncmp(item->d_name, prefix, strlen(prefix)) == 0)
			do_command((const char *const[]){runtime, "--root", state, "delete", "--force",
			                                 item->d_name, NULL});
}

/* The socket of a shim, which would have removed it: the task's folder tells where it is, in a
 * folder that is one for all containerds of the machine. */
static void remove_socket(const char *tasks, const char *name)
{
	static const char scheme[] = "unix://", place[] = "/run/containerd/s/";
	char path[2 * PATH_SIZE], line[256] = "";
	snprintf(path, sizeof path, "%s/%s/address", tasks, name);
	FILE *file = fopen(path, "re");
	if (file != NULL && fgets(line, sizeof line, file) == NULL)
		line[0] = '\0';
	if (file != NULL)
		fclose(file);
	line[strcspn(line, "\n")] = '\0';
	const char *socket = line + sizeof scheme - 1;
	if (strncmp(line, scheme, sizeof scheme - 1) == 0 &&
	    strncmp(socket, place, sizeof place - 1) == 0 &&
	    strchr(socket + sizeof place - 1, '/') == NULL)
		unlink(socket);
}

/* Whose containers are those of a containerd of ours: its folder of tasks names them. Its runtime's
 * own folder is one for all containerds of the machine. */
static void delete_tasks(const char *directory)
{
	static const char *const namespaces[] = {"default", "cold"};
	for (size_t i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++) {
		char tasks[PATH_SIZE], state[64];
		snprintf(tasks, sizeof tasks, "%s/containerd/state/io.containerd.runtime.v2.task/%s",
		         directory, namespaces[i]);
		snprintf(state, sizeof state, "/run/containerd/runc/%s", namespaces[i]);
		cleanup_closedir DIR *all = opendir(tasks);
		for (const struct dirent *item; all != NULL && (item = readdir(all)) != NULL;)
			if (strncmp(item->d_name, PREFIX, strlen(PREFIX)) == 0) {
				do_command((const char *const[]){"runc", "--root", state, "delete", "--force",
				                                 item->d_name, NULL});
				remove_socket(tasks, item->d_name);
			}
	}
}

/* ---- mounts and control groups ---- */

/* The last one first: a mount may lie in another one. */
static void unmount(const char *directory)
{
	size_t length = strlen(directory);
	for (bool found = true; found;) {
		char last[PATH_SIZE] = "";
		FILE *mounts = setmntent("/proc/self/mounts", "re");
		for (const struct mntent *mount; mounts != NULL && (mount = getmntent(mounts)) != NULL;)
			if (strncmp(mount->mnt_dir, directory, length) == 0 && mount->mnt_dir[length] == '/')
				snprintf(last, sizeof last, "%s", mount->mnt_dir);
		if (mounts != NULL)
			endmntent(mounts);
		found = last[0] != '\0' && umount2(last, MNT_DETACH) == 0;
	}
}

/* What paths of groups to remove have, for remove_group(). */
static char group_mark[1 + LEFTOVER_PREFIX_SIZE];

/* Whatever a container made below its group goes with it. */
static int remove_group(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st, (void)where;
	if (kind == FTW_DP && strstr(path, group_mark) != NULL)
		rmdir(path); /* fails for one that has processes, which is somebody's */
	return 0;
}

void leftover_groups(const char *directory)
{
	group_mark[0] = '/';
	leftover_prefix(directory, group_mark + 1);
	nftw("/sys/fs/cgroup", remove_group, DESCRIPTORS, FTW_PHYS | FTW_DEPTH);
}

bool leftover_remove(const char *directory, struct error *err)
{
	const char *note;
	char crun[PATH_SIZE], runc[PATH_SIZE], podman[PATH_SIZE], containerd[PATH_SIZE];
	struct error ignored = ERROR_INIT;
	snprintf(crun, sizeof crun, "%s/crun-state", directory);
	snprintf(runc, sizeof runc, "%s/runc-state", directory);
	snprintf(podman, sizeof podman, "%s/podman", directory);
	snprintf(containerd, sizeof containerd, "%s/containerd", directory);
	if (geteuid() == 0) {
		/* crun asks for it. Where it cannot be had, crun ran no container either. */
		mounts_without_hybrid(&note, &ignored);
		delete_containers("crun", crun, "");
		delete_containers("runc", runc, "");
		delete_tasks(directory);
		if (access(podman, F_OK) == 0 && podman_set_up(podman, err))
			do_command(
			    (const char *const[]){"podman", "rm", "--all", "--force", "--time", "0", NULL});
		unmount(directory);
		leftover_groups(directory);
	}
	remove_folders(directory);
	if (err->kind != ERROR_NONE || !remove_directory(containerd, err))
		return false;
	leftover_forget(directory);
	return true;
}
