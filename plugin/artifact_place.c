#include "plugin/artifact_place.h"

#include "caps/cleanup.h"
#include "validator/printable.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool artifact_place_find(const struct request *request, const struct artifact *artifact,
                         enum artifact_direction direction, struct artifact_place *place,
                         struct error *err)
{
	static const char work[] = "work/";
	const char *path = artifact->path + strspn(artifact->path, "/");
	char clean[TREE_PATH_MAX + 1], shown[200];
	unsigned depth;
	printable_ascii(artifact->path, shown, sizeof shown);
	if (!tree_path(path, clean, &depth) || depth == 0 || strlen(clean) > TREE_PATH_MAX - 16)
		return error_set(err, ERROR_USAGE,
		                 "path \"%s\" is empty, too long or has components like "
		                 "\"..\"",
		                 shown);
	if (strstr(clean, "::") != NULL || strstr(clean, ":ro/") != NULL ||
	    strstr(clean, ":quota=") != NULL)
		return error_set(err, ERROR_USAGE,
		                 "path \"%s\" holds \"::\", \":ro/\" or \":quota=\", which part a grant "
		                 "(--dir)",
		                 shown);
	*place = (struct artifact_place){0};
	if (request->form == REQUEST_CONTRACT) {
		snprintf(place->path, sizeof place->path, "artifacts-%s/%s",
		         direction == ARTIFACT_IN ? "in" : "out", clean);
		return true;
	}
	if (artifact->path[0] != '/')
		return error_set(err, ERROR_USAGE,
		                 "path \"%s\" must be absolute for a plain command, as " WORKDIR_GUEST
		                 "/%s",
		                 shown, shown);
	bool is_work = strncmp(clean, work, sizeof work - 1) == 0;
	if (strcmp(clean, "work") == 0)
		return error_set(err, ERROR_USAGE,
		                 "path \"" WORKDIR_GUEST "\" is the work directory itself; take a path "
		                 "below it");
	place->is_outside = !is_work;
	strcpy(place->path, is_work ? clean + sizeof work - 1 : clean);
	return true;
}

const char *artifact_scratch(struct artifacts_run *run, struct error *err)
{
	if (run->scratch.path == NULL && !workdir_create(&run->scratch, run->root, err))
		return NULL;
	return run->scratch.path;
}

const char *artifact_place_root(struct artifacts_run *run, const struct artifact_place *place,
                                struct error *err)
{
	if (!place->is_outside)
		return run->work->path;
	if (run->outside.path == NULL && !workdir_create(&run->outside, run->root, err))
		return NULL;
	return run->outside.path;
}

static bool add_grant(struct artifacts_run *run, const char *root, const char *above, int size,
                      struct error *err)
{
	cleanup_free char *grant = NULL;
	if (asprintf(&grant, "%s/%.*s::/%.*s", root, size, above, size, above) < 0) {
		grant = NULL;
		return error_set(err, ERROR_NO_MEMORY, "no memory for a grant");
	}
	for (size_t i = 0; i < run->grant_count; i++) {
		if (strcmp(run->grants[i], grant) == 0)
			return true;
	}
	char **more = reallocarray(run->grants, run->grant_count + 1, sizeof *more);
	if (more == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a grant");
	run->grants = more;
	run->grants[run->grant_count++] = take_ptr(&grant);
	return true;
}

void artifact_spot_clear(struct artifact_spot *spot)
{
	tree_clear(&spot->tree);
	if (spot->root >= 0)
		close(spot->root);
	spot->root = spot->above = -1;
}

bool artifact_place_above(struct artifacts_run *run, const struct artifact_place *place, bool make,
                          struct artifact_spot *spot, struct error *err)
{
	const char *root = artifact_place_root(run, place, err);
	if (root == NULL)
		return false;
	spot->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spot->root < 0)
		return error_set_errno(err, errno, "the step's directory");
	spot->tree = (struct tree)TREE_INIT(spot->root);
	spot->above = tree_above(&spot->tree, place->path, make, &spot->name);
	return spot->above >= 0 ||
	       error_set_errno(err, -spot->above, "the folder above %.300s", place->path);
}

bool artifact_place_prepare(struct artifacts_run *run, const struct artifact_place *place,
                            struct error *err)
{
	cleanup_artifact_spot struct artifact_spot spot = ARTIFACT_SPOT_INIT;
	if (!artifact_place_above(run, place, true, &spot, err))
		return false;
	int size = spot.name == place->path ? 0 : (int)(spot.name - 1 - place->path);
	return !place->is_outside ||
	       add_grant(run, artifact_place_root(run, place, err), place->path, size, err);
}
