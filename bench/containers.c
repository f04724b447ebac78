#include "bench/containers.h"

#include "bench/leftover.h"
#include "bench/process.h"
#include "bench/rootfs.h"
#include "caps/cleanup.h"

#include <stdarg.h>
#include <stdio.h>

#define IMPORT_SECONDS 120

static bool write_file(const char *directory, const char *name, struct error *err, const char *fmt,
                       ...) __attribute__((format(printf, 4, 5)));

static bool write_file(const char *directory, const char *name, struct error *err, const char *fmt,
                       ...)
{
	char path[4096];
	va_list args;
	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "we");
	if (file == NULL)
		return error_set_errno(err, errno, "cannot write %s", path);
	va_start(args, fmt);
	vfprintf(file, fmt, args);
	va_end(args);
	return fclose(file) == 0 || error_set_errno(err, errno, "cannot write %s", path);
}

/* Runs a command of up to NULL. */
static bool do_command(const char *const *argv, struct error *err)
{
	return process_do((char *const *)(uintptr_t)argv, IMPORT_SECONDS, err);
}

static bool set_variable(const char *name, const char *directory, const char *file)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", directory, file);
	return setenv(name, path, 1) == 0;
}

bool podman_set_up(const char *directory, struct error *err)
{
	if (!make_directories(directory, err) ||
	    !write_file(directory, "containers.conf", err,
	                "[containers]\n"
	                "default_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n"
	                "[engine]\n"
	                "cgroup_manager = \"cgroupfs\"\n"
	                "events_logger = \"file\"\n"
	                "runtime = \"runc\"\n") ||
	    !write_file(
	        directory, "storage.conf", err,
	        "[storage]\ndriver = \"overlay\"\nrunroot = \"%s/run\"\ngraphroot = \"%s/graph\"\n",
	        directory, directory) ||
	    !write_file(directory, "registries.conf", err, "unqualified-search-registries = []\n"))
		return false;
	return (set_variable("CONTAINERS_CONF", directory, "containers.conf") &&
	        set_variable("CONTAINERS_STORAGE_CONF", directory, "storage.conf") &&
	        set_variable("CONTAINERS_REGISTRIES_CONF", directory, "registries.conf")) ||
	       error_set(err, ERROR_NO_MEMORY, "no memory for the environment");
}

const char *podman_parent(void)
{
	static char word[64];
	char prefix[LEFTOVER_PREFIX_SIZE];
	leftover_prefix(leftover_directory(), prefix);
	snprintf(word, sizeof word, "--cgroup-parent=/%spodman", prefix);
	return word;
}

bool podman_import(const char *rootfs, const char *image, struct error *err)
{
	cleanup_free char *archive = NULL;
	if (asprintf(&archive, "%s.tar", rootfs) < 0) {
		archive = NULL;
		return error_set(err, ERROR_NO_MEMORY, "no memory for a path");
	}
	bool went_well =
	    do_command((const char *const[]){"tar", "-C", rootfs, "-cf", archive, ".", NULL}, err) &&
	    do_command((const char *const[]){"podman", "import", "--quiet", archive, image, NULL}, err);
	unlink(archive);
	return went_well;
}

bool podman_save(const char *image, const char *file, struct error *err)
{
	unlink(file);
	return do_command((const char *const[]){"podman", "save", "--quiet", "--format", "oci-archive",
	                                        "--output", file, image, NULL},
	                  err);
}

bool containerd_start(struct containerd *containerd, const char *directory, struct error *err)
{
	char config[4096], log[4096], rest[16];
	int length = snprintf(containerd->socket, sizeof containerd->socket, "%s/sock", directory);
	if (length < 0 || (size_t)length >= sizeof containerd->socket)
		return error_set(err, ERROR_LIMIT, "%s is too long for a socket's path", directory);
	snprintf(containerd->fifos, sizeof containerd->fifos, "%s/fifo", directory);
	snprintf(config, sizeof config, "%s/config.toml", directory);
	snprintf(log, sizeof log, "%s/log", directory);
	if (!make_directories(directory, err) ||
	    !write_file(directory, "config.toml", err,
	                "version = 2\nroot = \"%s/root\"\nstate = \"%s/state\"\n"
	                "disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"
	                "[grpc]\naddress = \"%s\"\n"
	                /* Or a pull in one namespace would take what another one has. */
	                "[plugins.\"io.containerd.metadata.v1.bolt\"]\n"
	                "content_sharing_policy = \"isolated\"\n",
	                directory, directory, containerd->socket))
		return false;
	char *argv[] = {"containerd", "--config", config, NULL};
	return daemon_start(&containerd->daemon, argv, log, err) &&
	       daemon_await(&containerd->daemon, "containerd successfully booted", rest, sizeof rest,
	                    err);
}

bool containerd_import(const struct containerd *containerd, const char *file, struct error *err)
{
	return do_command((const char *const[]){"ctr", "--address", containerd->socket, "image",
	                                        "import", file, NULL},
	                  err);
}

void containerd_end(struct containerd *containerd)
{
	daemon_end(&containerd->daemon);
}
