/* tiphys run-ref REF run … REF …: what `tiphys run` hands over when its module is in a registry.
 * The module is fetched, and `tiphys run` started anew with the file's path where REF stood. */
#include "plugin/modules_command.h"

#include "plugin/command.h"
#include "plugin/handover.h"
#include "caps/cleanup.h"

#include <string.h>

int cmd_run_ref(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	if (argc < 4 || strcmp(argv[2], "run") != 0) {
		error_set(&err, ERROR_USAGE, "run-ref is for tiphys itself: run-ref REF run … REF …");
		return modules_command_failed("run-ref", &err);
	}
	struct modules_command places = {0};
	struct progress progress;
	cleanup_modules struct modules *modules = modules_command_create(&places, &progress, &err);
	cleanup_free char *path = NULL;
	char digest[MODULES_DIGEST_SIZE];
	bool ok = modules != NULL && modules_get(modules, argv[1], &path, digest, &err);
	progress_clear(&progress);
	if (!ok)
		return modules_command_failed("run", &err);
	char **run = argv + 2;
	for (char **at = run + 1; *at != NULL; at++) {
		if (strcmp(*at, argv[1]) == 0) {
			*at = path;
			return handover(command_find("run")->executable, run);
		}
	}
	error_set(&err, ERROR_USAGE, "%s does not stand in the command to run", argv[1]);
	return modules_command_failed("run-ref", &err);
}
