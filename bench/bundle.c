#include "bench/bundle.h"

#include "caps/cleanup.h"
#include "plugin/json.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static json_t *mounts(void)
{
	return json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s, s:[s,s,s]}, {s:s, s:s, s:s, s:[s,s,s]}]",
	                 "destination", "/proc", "type", "proc", "source", "proc", "destination",
	                 "/dev", "type", "tmpfs", "source", "tmpfs", "options", "nosuid", "mode=755",
	                 "size=65536k", "destination", "/tmp", "type", "tmpfs", "source", "tmpfs",
	                 "options", "nosuid", "nodev", "mode=1777");
}

static json_t *namespaces(pid_t joins)
{
	static const struct {
		const char *type, *file;
	} shared[] = {{"network", "net"}, {"ipc", "ipc"}, {"uts", "uts"}, {"pid", "pid"}};
	json_t *list = json_pack("[{s:s}]", "type", "mount");
	for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
		char path[64];
		snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)joins, shared[i].file);
		json_array_append_new(list, json_pack("{s:s, s:s*}", "type", shared[i].type, "path",
		                                      joins != 0 ? path : NULL));
	}
	return list;
}

bool bundle_write(const char *directory, const struct bundle *bundle, struct error *err)
{
	json_t *args = json_array();
	for (size_t i = 0; bundle->args[i] != NULL; i++)
		json_array_append_new(args, json_string(bundle->args[i]));
	cleanup_json json_t *config =
	    json_pack("{s:s, s:{s:b, s:{s:i, s:i}, s:o, s:[s], s:s, s:b}, s:{s:s, s:b}, s:o, s:{s:o}}",
	              "ociVersion", "1.0.2", "process", "terminal", 0, "user", "uid", 0, "gid", 0,
	              "args", args, "env", "PATH=/usr/bin:/bin", "cwd", "/", "noNewPrivileges", 1,
	              "root", "path", bundle->rootfs, "readonly", 1, "mounts", mounts(), "linux",
	              "namespaces", namespaces(bundle->joins));
	cleanup_free char *path = NULL;
	if (asprintf(&path, "%s/config.json", directory) < 0)
		path = NULL;
	if (config == NULL || path == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a bundle");
	if ((mkdir(directory, 0700) != 0 && errno != EEXIST) ||
	    json_dump_file(config, path, JSON_COMPACT) != 0)
		return error_set_errno(err, errno, "cannot write %s", path);
	return true;
}
