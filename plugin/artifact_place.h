/* Where an artifact lies for the guest, and on the host. */
#ifndef PLUGIN_ARTIFACT_PLACE_H
#define PLUGIN_ARTIFACT_PLACE_H

#include "plugin/artifacts.h"
#include "plugin/tree.h"

enum artifact_direction { ARTIFACT_IN, ARTIFACT_OUT };

struct artifact_place {
	bool is_outside;              /* of /work */
	char path[TREE_PATH_MAX + 1]; /* below /work, or else below "/" */
};

/* False with *err set when the artifact's path is none. */
bool artifact_place_find(const struct request *request, const struct artifact *artifact,
                         enum artifact_direction direction, struct artifact_place *place,
                         struct error *err);

/* The host folder that the place's path is below; makes that of outside. NULL with *err set.
 * Borrowed. */
const char *artifact_place_root(struct artifacts_run *run, const struct artifact_place *place,
                                struct error *err);

/* A place on the host: `name` in the folder `above`. Valid until it is cleared. */
struct artifact_spot {
	int root; /* descriptor of artifact_place_root() */
	struct tree tree;
	int above;
	const char *name; /* part of the place's path */
};

#define ARTIFACT_SPOT_INIT {.root = -1, .tree = TREE_INIT(-1), .above = -1}
void artifact_spot_clear(struct artifact_spot *spot);
#define cleanup_artifact_spot __attribute__((cleanup(artifact_spot_clear)))

/* Walks to the folder above a place; with `make` missing folders are made. False with *err set;
 * err->sys_errno is ENOENT when there is none. */
bool artifact_place_above(struct artifacts_run *run, const struct artifact_place *place, bool make,
                          struct artifact_spot *spot, struct error *err);

/* Makes the folder above an outside place, and a grant of it unless there is one. Nothing to do for
 * a place below /work but to make its folder. */
bool artifact_place_prepare(struct artifacts_run *run, const struct artifact_place *place,
                            struct error *err);

/* The folder for what is on its way, made at the first call: its path, or NULL with *err set. */
const char *artifact_scratch(struct artifacts_run *run, struct error *err);

#endif
