/* An artifact as a template declares it: from JSON to a struct.
 *
 * Strings and JSON are borrowed from the document. */
#ifndef PLUGIN_ARTIFACT_H
#define PLUGIN_ARTIFACT_H

#include "validator/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum location_kind {
#define LOCATION(kind, key, advice) kind,
#include "plugin/location.def"
#undef LOCATION
	LOCATION_UNKNOWN, /* `location_key` names it */
	LOCATION_NONE,
};

/* NULL advice: the kind is taken. */
struct location_row {
	const char *key;
	const char *advice;
};

/* NULL for LOCATION_UNKNOWN and LOCATION_NONE. */
const struct location_row *location_row(enum location_kind kind);

/* How an artifact is packed. ARCHIVE_UNSAID: an input is unpacked when it is a gzipped tar, an
 * output becomes one. */
enum archive_strategy { ARCHIVE_UNSAID, ARCHIVE_NONE, ARCHIVE_TAR, ARCHIVE_ZIP };

#define ARTIFACT_MODE_UNSAID (-1)
#define ARTIFACT_LEVEL_DEFAULT (-1)

struct artifact {
	const char *name;
	const char *path; /* "" when none is given */
	int mode;         /* permission bits, or ARTIFACT_MODE_UNSAID */
	bool recurse_mode;
	bool optional;
	enum archive_strategy archive;
	int level; /* of gzip: 0 … 9, or ARTIFACT_LEVEL_DEFAULT */
	enum location_kind location;
	const char *location_key; /* NULL for LOCATION_NONE */
	const json_t *place;      /* the location's object; NULL for LOCATION_NONE */
	const json_t *document;   /* the whole artifact */
};

/* Decodes the item of the array `at`.artifacts that is an object with a name. False with *err of
 * `kind` set when a field has a wrong type; whether the location is a known one is not looked at.
 */
bool artifact_decode(const json_t *item, const char *name, const char *at, enum error_kind kind,
                     struct artifact *artifact, struct error *err);

/* The key of an object in a store; NULL when its location has none. */
const char *artifact_key(const struct artifact *artifact);

/* A text field of an object; NULL when it is absent, null or no text. */
const char *artifact_text(const json_t *object, const char *key);

#endif
