#include "bench/rootfs.h"

#include "bench/data.h"
#include "bench/job.def"
#include "bench/process.h"
#include "caps/cleanup.h"
#include "plugin/remove.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

/* debootstrap fetches and unpacks some 60 packages. */
#define DEBOOTSTRAP_SECONDS 600

static const char *const jobs[] = {
#define X(name, what) name,
    JOBS(X)
#undef X
};

enum { JOB_COUNT = sizeof jobs / sizeof jobs[0] };

bool make_directories(const char *directory, struct error *err)
{
	char path[4096];
	snprintf(path, sizeof path, "%s", directory);
	for (char *at = strchr(path + 1, '/');; at = strchr(at + 1, '/')) {
		if (at != NULL)
			*at = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return error_set_errno(err, errno, "cannot make the directory %s", path);
		if (at == NULL)
			return true;
		*at = '/';
	}
}

bool remove_directory(const char *directory, struct error *err)
{
	int failure = remove_tree(directory);
	return failure == 0 || error_set_errno(err, failure, "cannot remove %s", directory);
}

static bool copy_file(const char *from, const char *directory, const char *name, mode_t mode,
                      struct error *err)
{
	char to[4096];
	struct stat st;
	snprintf(to, sizeof to, "%s/%s", directory, name);
	cleanup_close int in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0 || fstat(in, &st) != 0)
		return error_set_errno(err, errno, "cannot read %s", from);
	unlink(to);
	cleanup_close int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (out < 0)
		return error_set_errno(err, errno, "cannot make %s", to);
	for (off_t left = st.st_size; left > 0;) {
		ssize_t sent = sendfile(out, in, NULL, (size_t)left);
		if (sent <= 0)
			return error_set_errno(err, errno, "cannot write %s", to);
		left -= sent;
	}
	return true;
}

/* The jobs in one form ("step-", "" or "", ".py") into DIRECTORY/job. */
static bool copy_jobs(const char *directory, const char *prefix, const char *suffix, mode_t mode,
                      struct error *err)
{
	char target[4096], name[64];
	snprintf(target, sizeof target, "%s/job", directory);
	if (!make_directories(target, err))
		return false;
	for (size_t i = 0; i < JOB_COUNT; i++) {
		snprintf(name, sizeof name, "%s%s%s", prefix, jobs[i], suffix);
		cleanup_free char *path = data_find(name);
		if (path == NULL)
			return error_set(err, ERROR_SYSTEM, "%s is missing; it is built with tiphys", name);
		snprintf(name, sizeof name, "%s%s", jobs[i], suffix);
		if (!copy_file(path, target, name, mode, err))
			return false;
	}
	return true;
}

bool rootfs_busybox(const char *directory, struct error *err)
{
	static const char *const folders[] = {"bin", "dev", "proc", "sys", "tmp", "etc"};
	static const char *const names[] = {"sh", "sleep"};
	char path[4096];
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", directory, folders[i]);
		if (!make_directories(path, err))
			return false;
	}
	snprintf(path, sizeof path, "%s/bin", directory);
	if (access("/bin/busybox", X_OK) != 0)
		return error_set(err, ERROR_SYSTEM, "/bin/busybox is missing (busybox-static)");
	if (!copy_file("/bin/busybox", path, "busybox", 0755, err))
		return false;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/bin/%s", directory, names[i]);
		if (symlink("busybox", path) != 0 && errno != EEXIST)
			return error_set_errno(err, errno, "cannot make %s", path);
	}
	return copy_jobs(directory, "static/step-", "", 0755, err);
}

/* A part is made under another name first, so that a broken one is never taken for whole. */
bool rootfs_python(const char *directory, struct error *err)
{
	char made[4096], part[4096];
	snprintf(made, sizeof made, "%s/usr/bin/python3", directory);
	if (access(made, X_OK) != 0) {
		if (getuid() != 0)
			return error_set(err, ERROR_SYSTEM, "debootstrap wants root");
		snprintf(part, sizeof part, "%s.part", directory);
		char *argv[] = {"debootstrap", "--variant=minbase", "--include=python3", "bookworm", part,
		                NULL};
		if (!remove_directory(part, err) || !make_directories(part, err) ||
		    !process_do(argv, DEBOOTSTRAP_SECONDS, err))
			return false;
		if (rename(part, directory) != 0)
			return error_set_errno(err, errno, "cannot make %s", directory);
	}
	return copy_jobs(directory, "", ".py", 0644, err);
}
