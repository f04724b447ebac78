/* Which field a part of the document is: the walk over its mappings, led by policy.def. */
#include "plugin/policy_reading.h"

#include "plugin/scalar.h"
#include "plugin/suggest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 192
#define KEY_SHOWN 60 /* characters of a key that stand in a message */

struct policy_mark policy_mark_of(const struct policy_reading *reading, const char *path)
{
	const json_t *mark = json_object_get(reading->marks, path);
	json_int_t packed = json_integer_value(mark);
	return (struct policy_mark){(unsigned)(packed >> 16), (unsigned)(packed & 0xffff)};
}

bool policy_wrong(struct policy_reading *reading, const char *path, const char *fmt, ...)
{
	char what[512], where[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	policy_where(reading->out, path, policy_mark_of(reading, path), where, sizeof where);
	return error_set(reading->err, ERROR_USAGE, "%s: %s", where, what);
}

bool policy_wrong_kind(struct policy_reading *reading, const struct policy_value *value,
                       const char *expected)
{
	return policy_wrong(reading, value->path, "is %s, must be %s", json_kind(value->json),
	                    expected);
}

bool policy_unknown(struct policy_reading *reading, const char *path, const char *key,
                    const char *const *names, size_t count)
{
	struct suggestion suggestion;
	suggestion_init(&suggestion, key);
	for (size_t i = 0; i < count; i++) {
		if (names[i] != NULL)
			suggestion_offer(&suggestion, names[i]);
	}
	if (suggestion.best != NULL)
		return policy_wrong(reading, path, "is not known; did you mean %s?", suggestion.best);
	char list[256] = "";
	for (size_t i = 0; i < count; i++) {
		if (names[i] != NULL && strlen(list) + strlen(names[i]) + 3 < sizeof list) {
			strcat(list, *list != '\0' ? ", " : "");
			strcat(list, names[i]);
		}
	}
	return policy_wrong(reading, path, "is not known; there %s %s",
	                    strchr(list, ',') != NULL ? "are" : "is", list);
}

void *policy_room(struct policy_reading *reading, size_t count, size_t size)
{
	struct policy *out = reading->out;
	void *room = calloc(count > 0 ? count : 1, size);
	void **owned = realloc(out->owned, (out->owned_count + 1) * sizeof *owned);
	if (owned != NULL)
		out->owned = owned;
	if (room == NULL || owned == NULL) {
		free(room);
		error_put(reading->err, ERROR_NO_MEMORY, "no memory for a policy");
		return NULL;
	}
	return out->owned[out->owned_count++] = room;
}

const char *policy_keep(struct policy_reading *reading, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = policy_room(reading, size, 1);
	return copy != NULL ? memcpy(copy, text, size) : NULL;
}

/* ---- the walk ---- */

static bool is_of_role(const struct policy_row *row, enum policy_role role)
{
	return role == POLICY_CEILING ? row->of_ceiling : row->of_policy;
}

/* The name of `row` below the group, its first component; NULL when it is not below it. "" is the
 * document itself. */
static const char *name_below(struct policy_reading *reading, const struct policy_row *row,
                              const char *group)
{
	size_t len = strlen(group);
	if (!is_of_role(row, reading->role) || strncmp(row->path, group, len) != 0 ||
	    (len > 0 && row->path[len] != '.'))
		return NULL;
	const char *name = row->path + len + (len > 0);
	char first[PATH_SIZE];
	snprintf(first, sizeof first, "%.*s", (int)strcspn(name, "."), name);
	return policy_keep(reading, first);
}

static bool refuse_key(struct policy_reading *reading, const char *group, const char *path,
                       const char *key)
{
	const char *names[POLICY_FIELD_COUNT];
	for (int i = 0; i < POLICY_FIELD_COUNT; i++) {
		names[i] = name_below(reading, policy_row(i), group);
		for (int j = 0; j < i && names[i] != NULL; j++) {
			if (names[j] != NULL && strcmp(names[i], names[j]) == 0)
				names[i] = NULL;
		}
		if (strcmp(policy_row(i)->path, path) == 0)
			return policy_wrong(reading, path,
			                    reading->role == POLICY_CEILING
			                        ? "no ceiling bounds it: it reaches nothing outside of a step"
			                        : "stands in a ceiling alone, not in a policy");
	}
	return policy_unknown(reading, path, key, names, POLICY_FIELD_COUNT);
}

static bool refuse_unprovided(struct policy_reading *reading, const struct policy_row *row,
                              const char *path)
{
	const char *name = NULL;
	if (row->capability >= 0 && capability_row((enum capability)row->capability)->provider == NULL)
		name = capability_row((enum capability)row->capability)->name;
	if (row->limit >= 0 && limit_row((enum run_limit)row->limit)->provider == NULL)
		name = limit_row((enum run_limit)row->limit)->name;
	if (name == NULL)
		return true;
	char where[512];
	policy_where(reading->out, path, policy_mark_of(reading, path), where, sizeof where);
	return error_set(reading->err, ERROR_UNSUPPORTED,
	                 "%s: this build of tiphys does not support %s; take it out of the document",
	                 where, name);
}

/* The field at the path, or one below it when *is_group. -1 when it is none of the role's. */
static int find_field(const struct policy_reading *reading, const char *path, bool *is_group)
{
	size_t len = strlen(path);
	for (int i = 0; i < POLICY_FIELD_COUNT; i++) {
		const struct policy_row *row = policy_row(i);
		if (!is_of_role(row, reading->role) || strncmp(row->path, path, len) != 0)
			continue;
		*is_group = row->path[len] == '.';
		if (*is_group || row->path[len] == '\0')
			return i;
	}
	return -1;
}

static bool read_group(struct policy_reading *reading, const char *group, const json_t *object);

static bool read_key(struct policy_reading *reading, const char *group, const char *key,
                     const json_t *json)
{
	char path[PATH_SIZE];
	bool is_group = false;
	snprintf(path, sizeof path, "%s%s%.*s", group, *group != '\0' ? "." : "", KEY_SHOWN, key);
	/* A name with a dot is none, whatever field it would spell. */
	int field = strchr(key, '.') != NULL ? -1 : find_field(reading, path, &is_group);
	if (field < 0)
		return refuse_key(reading, group, path, key);
	/* Null counts as absent, as Go's decoder has it. */
	if (json_is_null(json))
		return true;
	const struct policy_row *row = policy_row(field);
	if (!refuse_unprovided(reading, row, path))
		return false;
	if (is_group)
		return read_group(reading, path, json);
	const struct policy_value value = {path, json};
	if (!policy_read_value(reading, row, &value, (char *)reading->out + row->member))
		return false;
	reading->out->is_given[field] = true;
	reading->out->marks[field] = policy_mark_of(reading, path);
	return true;
}

static bool read_group(struct policy_reading *reading, const char *group, const json_t *object)
{
	const char *key;
	json_t *json;
	if (!json_is_object(object))
		return policy_wrong_kind(reading, &(struct policy_value){group, object}, "an object");
	json_object_foreach((json_t *)object, key, json)
	{
		if (!read_key(reading, group, key, json))
			return false;
	}
	return true;
}

/* What qualifies a grant that the document does not give would do nothing. A list that is empty
 * grants as little as none. */
static bool check_needs(struct policy_reading *reading)
{
	const struct policy *out = reading->out;
	for (int i = 0; i < POLICY_FIELD_COUNT; i++) {
		const struct policy_row *row = policy_row(i);
		if (!out->is_given[i] || row->needs < 0)
			continue;
		const struct policy_row *needed = policy_row(row->needs);
		const struct policy_origins *origins = (const void *)((const char *)out + needed->member);
		if (origins->count == 0)
			return policy_wrong(
			    reading, row->path,
			    "does nothing without %s, which %s; list there what %s, or leave "
			    "it out",
			    needed->path, out->is_given[row->needs] ? "lists nothing" : "is not given",
			    reading->role == POLICY_CEILING ? "templates may reach" : "the module may reach");
	}
	return true;
}

bool policy_read(const json_t *document, const json_t *marks, const char *source,
                 enum policy_role role, struct policy *out, struct error *err)
{
	struct policy_reading reading = {.out = out, .marks = marks, .role = role, .err = err};
	*out = (struct policy){0};
	out->source = policy_keep(&reading, source);
	return out->source != NULL && read_group(&reading, "", document) && check_needs(&reading);
}
