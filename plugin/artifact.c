#include "plugin/artifact.h"

#include "plugin/scalar.h"

#include <string.h>

static const struct location_row rows[] = {
#define LOCATION(kind, key_, advice_) [kind] = {.key = key_, .advice = advice_},
#include "plugin/location.def"
#undef LOCATION
};

const struct location_row *location_row(enum location_kind kind)
{
	return kind < LOCATION_UNKNOWN ? &rows[kind] : NULL;
}

/* Fields of an artifact that are no locations. What a later artifact's `from` and `subPath` mean
 * was resolved by the controller into its location. */
static bool is_about_itself(const char *key)
{
	static const char *const keys[] = {"name",        "path",    "mode",           "optional",
	                                   "archive",     "from",    "fromExpression", "globalName",
	                                   "archiveLogs", "subPath", "recurseMode",    "artifactGC",
	                                   "artifactGc",  "deleted"};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (strcmp(key, keys[i]) == 0)
			return true;
	}
	return false;
}

static enum location_kind kind_of(const char *key)
{
	for (int kind = 0; kind < LOCATION_UNKNOWN; kind++) {
		if (strcmp(rows[kind].key, key) == 0)
			return (enum location_kind)kind;
	}
	return LOCATION_UNKNOWN;
}

/* What messages and the kind of an error need while one artifact is decoded. */
struct place {
	const char *at;
	enum error_kind kind;
	struct error *err;
};

static bool wrong(const struct place *place, const char *key, const json_t *value,
                  const char *expected)
{
	return error_set(place->err, place->kind, "%s.%s: is %s, must be %s", place->at, key,
	                 json_kind(value), expected);
}

static const json_t *field(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return json_is_null(value) ? NULL : value;
}

static bool read_flag(const struct place *place, const json_t *item, const char *key, bool *flag)
{
	const json_t *value = field(item, key);
	if (value != NULL && !json_is_boolean(value))
		return wrong(place, key, value, "true or false");
	*flag = json_is_true(value);
	return true;
}

static bool read_mode(const struct place *place, const json_t *item, struct artifact *artifact)
{
	const json_t *value = field(item, "mode");
	artifact->mode = ARTIFACT_MODE_UNSAID;
	if (value == NULL)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > 0777)
		return error_set(place->err, place->kind,
		                 "%s.mode: must be permission bits, 0 to 0777 (511 in decimal)", place->at);
	artifact->mode = (int)json_integer_value(value);
	return true;
}

static bool read_level(const struct place *place, const json_t *tar, struct artifact *artifact)
{
	const json_t *value = field(tar, "compressionLevel");
	if (value == NULL)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < -1 || json_integer_value(value) > 9)
		return error_set(place->err, place->kind,
		                 "%s.archive.tar.compressionLevel: must be a whole number from -1 to 9",
		                 place->at);
	artifact->level = (int)json_integer_value(value);
	return true;
}

static bool read_archive(const struct place *place, const json_t *item, struct artifact *artifact)
{
	static const struct {
		const char *key;
		enum archive_strategy strategy;
	} strategies[] = {{"none", ARCHIVE_NONE}, {"tar", ARCHIVE_TAR}, {"zip", ARCHIVE_ZIP}};
	const json_t *archive = field(item, "archive");
	artifact->archive = ARCHIVE_UNSAID;
	artifact->level = ARTIFACT_LEVEL_DEFAULT;
	if (archive == NULL)
		return true;
	if (!json_is_object(archive))
		return wrong(place, "archive", archive, "an object");
	for (size_t i = 0; i < sizeof strategies / sizeof strategies[0]; i++) {
		const json_t *value = field(archive, strategies[i].key);
		if (value == NULL)
			continue;
		if (!json_is_object(value))
			return wrong(place, "archive", archive, "none: {}, tar: {} or zip: {}");
		artifact->archive = strategies[i].strategy;
		return artifact->archive != ARCHIVE_TAR || read_level(place, value, artifact);
	}
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)archive, key, value) return error_set(
	    place->err, place->kind, "%s.archive.%.60s: is not known; an archive is none, tar or zip",
	    place->at, key);
	return true;
}

bool artifact_decode(const json_t *item, const char *name, const char *at, enum error_kind kind,
                     struct artifact *artifact, struct error *err)
{
	const struct place place = {.at = at, .kind = kind, .err = err};
	const json_t *path = field(item, "path");
	*artifact = (struct artifact){.name = name, .location = LOCATION_NONE, .document = item};
	if (path != NULL && !json_is_string(path))
		return wrong(&place, "path", path, "a string");
	artifact->path = path == NULL ? "" : json_string_value(path);
	if (!read_flag(&place, item, "optional", &artifact->optional) ||
	    !read_flag(&place, item, "recurseMode", &artifact->recurse_mode) ||
	    !read_mode(&place, item, artifact) || !read_archive(&place, item, artifact))
		return false;
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)item, key, value)
	{
		if (!json_is_object(value) || is_about_itself(key))
			continue;
		enum location_kind location = kind_of(key);
		if (artifact->location != LOCATION_NONE)
			return error_set(err, kind, "%s: has two locations, %.60s and %.60s", at,
			                 artifact->location_key, key);
		artifact->location = location;
		artifact->location_key = key;
		artifact->place = value;
	}
	return true;
}

const char *artifact_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

const char *artifact_key(const struct artifact *artifact)
{
	return artifact_text(artifact->place, "key");
}
