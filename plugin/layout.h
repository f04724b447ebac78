/* OCI image layouts on disk (image spec, image-layout.md): the embedded store of modules.
 *
 *   DIR/oci-layout    {"imageLayoutVersion":"1.0.0"}
 *   DIR/index.json    manifests by name (annotation org.opencontainers.image.ref.name)
 *   DIR/blobs/…       plugin/blobs.h
 *
 * Names are whole references ("host/repository:tag"). index.json is changed under flock() on DIR
 * and by rename(), so that writers do not lose each other's entries and readers need no lock. */
#ifndef PLUGIN_LAYOUT_H
#define PLUGIN_LAYOUT_H

#include "plugin/blobs.h"
#include "plugin/manifest.h"
#include "plugin/reference.h"
#include "validator/error.h"

#include <stdbool.h>

#define LAYOUT_INDEX_MAX_BYTES (UINT64_C(64) << 20)

struct layout;

/* Touches no disk. */
struct layout *layout_create(const char *dir, struct error *err);
void layout_destroy(struct layout *layout);

const char *layout_dir(const struct layout *layout);
struct blobs *layout_blobs(struct layout *layout);

/* The file in which names are looked up, for the caller to free(); NULL without memory. */
char *layout_index_path(const struct layout *layout);

/* Whether the folder is one; ERROR_SYSTEM says what it lacks. */
bool layout_check(const struct layout *layout, struct error *err);

/* The manifest of a reference: its digest when it has one and the layout holds that blob, else the
 * entry named like the reference or like `text`, the reference as it was written (other tools
 * write short names). *found is false without an error when the layout knows none. ERROR_SYSTEM
 * when the folder is no image layout. */
bool layout_find(struct layout *layout, const struct reference *reference, const char *text,
                 struct digest *manifest, bool *found, struct error *err);

/* Makes the folder an image layout when it is none yet. */
bool layout_prepare(struct layout *layout, struct error *err);

/* Names a manifest, whose blobs are there already; the name's former entry goes. */
bool layout_name(struct layout *layout, const char *name, const struct descriptor *manifest,
                 const char *media_type, struct error *err);

#endif
