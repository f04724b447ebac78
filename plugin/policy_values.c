/* What a field says: a reader for each kind of policy.def. */
#include "plugin/policy_reading.h"

#include "plugin/moment.h"
#include "plugin/quantity.h"
#include "plugin/scalar.h"

#include <stdio.h>
#include <string.h>

/* The streams, and one that a granted directory takes. */
#define DESCRIPTORS_MIN 4

/* ---- parts of values ---- */

const char *policy_text_of(struct policy_reading *reading, const struct policy_value *value)
{
	const char *text = json_string_value(value->json);
	if (text == NULL)
		policy_wrong_kind(reading, value, "a string");
	else if (*text == '\0')
		policy_wrong(reading, value->path, "is empty");
	else
		return policy_keep(reading, text);
	return NULL;
}

const char *policy_scalar_of(struct policy_reading *reading, const struct policy_value *value)
{
	json_t *string = scalar_to_string(value->json);
	const char *text = string != NULL ? policy_keep(reading, json_string_value(string)) : NULL;
	if (string == NULL)
		policy_wrong_kind(reading, value, "a string, a number or a boolean");
	json_decref(string);
	return text;
}

static bool array_of(struct policy_reading *reading, const struct policy_value *value,
                     const char *of_what)
{
	char expected[96];
	snprintf(expected, sizeof expected, "a list of %s", of_what);
	return json_is_array(value->json) || policy_wrong_kind(reading, value, expected);
}

struct policy_value policy_item_of(const struct policy_value *array, size_t index,
                                   char path[POLICY_PATH_SIZE])
{
	snprintf(path, POLICY_PATH_SIZE, "%s[%zu]", array->path, index);
	return (struct policy_value){path, json_array_get(array->json, index)};
}

struct policy_value policy_member_of(const struct policy_value *object, const char *key,
                                     char path[POLICY_PATH_SIZE])
{
	json_t *json = json_object_get(object->json, key);
	snprintf(path, POLICY_PATH_SIZE, "%s.%s", object->path, key);
	return (struct policy_value){path, json_is_null(json) ? NULL : json};
}

bool policy_object_of(struct policy_reading *reading, const struct policy_value *value,
                      const char *const *keys, size_t count, const char *expected)
{
	const char *key;
	json_t *json;
	if (!json_is_object(value->json))
		return policy_wrong_kind(reading, value, expected);
	json_object_foreach((json_t *)value->json, key, json)
	{
		bool is_known = false;
		for (size_t i = 0; i < count; i++)
			is_known = is_known || strcmp(key, keys[i]) == 0;
		if (!is_known) {
			char path[POLICY_PATH_SIZE];
			snprintf(path, sizeof path, "%s.%.60s", value->path, key);
			return policy_unknown(reading, path, key, keys, count);
		}
	}
	return true;
}

void *policy_items_of(struct policy_reading *reading, const struct policy_value *value,
                      const char *what, size_t size, policy_item_reader *read, size_t *count)
{
	if (!array_of(reading, value, what))
		return NULL;
	size_t wanted = json_array_size(value->json);
	char *items = policy_room(reading, wanted, size);
	for (*count = 0; items != NULL && *count < wanted; ++*count) {
		char path[POLICY_PATH_SIZE];
		const struct policy_value item = policy_item_of(value, *count, path);
		if (!read(reading, &item, items + *count * size))
			return NULL;
	}
	return items;
}

/* ---- numbers ---- */

static bool read_number(struct policy_reading *reading, const struct policy_value *value,
                        uint64_t *number)
{
	if (!json_is_integer(value->json))
		return policy_wrong_kind(reading, value, "a whole number of 0 or more");
	if (json_integer_value(value->json) < 0)
		return policy_wrong(reading, value->path,
		                    "is %" JSON_INTEGER_FORMAT ", must be a whole number of 0 or more",
		                    json_integer_value(value->json));
	*number = (uint64_t)json_integer_value(value->json);
	return true;
}

/* A limit of 0 would be read as none by those who enforce it. */
static bool refuse_zero(struct policy_reading *reading, const struct policy_value *value,
                        uint64_t number)
{
	return number > 0 ||
	       policy_wrong(reading, value->path, "is 0, must be more; leave it out for the default");
}

static bool read_count(struct policy_reading *reading, const struct policy_value *value,
                       uint64_t *count)
{
	return read_number(reading, value, count) && refuse_zero(reading, value, *count);
}

static bool read_descriptors(struct policy_reading *reading, const struct policy_value *value,
                             uint64_t *count)
{
	return read_number(reading, value, count) &&
	       ((*count >= DESCRIPTORS_MIN && *count <= CAPS_OPEN_FILES_MAX) ||
	        policy_wrong(reading, value->path, "is %llu, must be from %d to %u",
	                     (unsigned long long)*count, DESCRIPTORS_MIN, CAPS_OPEN_FILES_MAX));
}

static bool read_zero(struct policy_reading *reading, const struct policy_value *value,
                      uint64_t *number)
{
	return read_number(reading, value, number) &&
	       (*number == 0 ||
	        policy_wrong(reading, value->path, "must be 0: no module can start a process"));
}

static bool read_bytes(struct policy_reading *reading, const struct policy_value *value,
                       uint64_t *bytes)
{
	static const char expected[] = "bytes, as 65536 or 64K (K, M, G)";
	if (json_is_string(value->json)) {
		const char *text = json_string_value(value->json);
		if (!size_parse(text, bytes))
			return policy_wrong(reading, value->path, "is \"%.40s\", must be %s", text, expected);
		return refuse_zero(reading, value, *bytes);
	}
	if (!json_is_integer(value->json))
		return policy_wrong_kind(reading, value, expected);
	return read_count(reading, value, bytes);
}

static bool read_duration(struct policy_reading *reading, const struct policy_value *value,
                          uint64_t *ms)
{
	static const char expected[] =
	    "a time of at most " DURATION_MAX ", as 30s (ms, s, m, h), or whole seconds";
	if (json_is_string(value->json)) {
		const char *text = json_string_value(value->json);
		if (!duration_parse(text, ms))
			return policy_wrong(reading, value->path, "is \"%.40s\", must be %s", text, expected);
		return refuse_zero(reading, value, *ms);
	}
	if (!json_is_integer(value->json))
		return policy_wrong_kind(reading, value, expected);
	return read_count(reading, value, ms) &&
	       ((!__builtin_mul_overflow(*ms, 1000, ms) && *ms <= DURATION_MAX_MS) ||
	        policy_wrong(reading, value->path, "must be %s", expected));
}

bool policy_read_access(struct policy_reading *reading, const struct policy_value *value,
                        enum policy_access *access)
{
	const char *text = json_string_value(value->json);
	if (text == NULL)
		return policy_wrong_kind(reading, value, "ro or rw");
	if (strcmp(text, "ro") == 0)
		*access = POLICY_READ;
	else if (strcmp(text, "rw") == 0)
		*access = POLICY_READ_WRITE;
	else if (strcmp(text, "none") == 0)
		*access = POLICY_NO_ACCESS;
	else
		return policy_wrong(reading, value->path, "is \"%.40s\", must be ro, rw or none", text);
	return true;
}

/* ---- lists of texts ---- */

static bool read_text(struct policy_reading *reading, const struct policy_value *value, void *item)
{
	struct policy_text *text = item;
	text->mark = policy_mark_of(reading, value->path);
	text->text = policy_scalar_of(reading, value);
	return text->text != NULL;
}

static bool read_texts(struct policy_reading *reading, const struct policy_value *value,
                       struct policy_texts *texts)
{
	texts->items =
	    policy_items_of(reading, value, "texts", sizeof *texts->items, read_text, &texts->count);
	return texts->items != NULL;
}

static bool read_variables(struct policy_reading *reading, const struct policy_value *value,
                           struct policy_texts *texts)
{
	const char *name;
	json_t *json;
	if (!json_is_object(value->json))
		return policy_wrong_kind(reading, value, "an object of NAME: VALUE");
	texts->items = policy_room(reading, json_object_size(value->json), sizeof *texts->items);
	if (texts->items == NULL)
		return false;
	json_object_foreach((json_t *)value->json, name, json)
	{
		char path[POLICY_PATH_SIZE];
		snprintf(path, sizeof path, "%s.%.100s", value->path, name);
		const char *text = policy_scalar_of(reading, &(struct policy_value){path, json});
		if (text == NULL)
			return false;
		if (*name == '\0' || strchr(name, '=') != NULL)
			return policy_wrong(reading, path, "a variable's name must not be empty or hold '='");
		size_t size = strlen(name) + strlen(text) + 2;
		char *pair = policy_room(reading, size, 1);
		if (pair == NULL)
			return false;
		snprintf(pair, size, "%s=%s", name, text);
		texts->items[texts->count++] = (struct policy_text){pair, policy_mark_of(reading, path)};
	}
	return true;
}

/* A method is a token of HTTP, and is compared as it is written: in capitals. */
static bool read_method(struct policy_reading *reading, const struct policy_value *value,
                        void *item)
{
	const struct policy_text *text = item;
	if (!read_text(reading, value, item))
		return false;
	return (*text->text != '\0' &&
	        text->text[strspn(text->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-")] == '\0') ||
	       policy_wrong(reading, value->path, "is \"%.40s\", must be a method in capitals, as GET",
	                    text->text);
}

static bool read_methods(struct policy_reading *reading, const struct policy_value *value,
                         struct policy_texts *texts)
{
	texts->items = policy_items_of(reading, value, "methods", sizeof *texts->items, read_method,
	                               &texts->count);
	return texts->items != NULL &&
	       (texts->count > 0 || policy_wrong(reading, value->path,
	                                         "lists nothing; leave it out to allow every method"));
}

static bool read_registries(struct policy_reading *reading, const struct policy_value *value,
                            struct policy_texts *texts)
{
	texts->items = policy_items_of(reading, value, "registries", sizeof *texts->items,
	                               policy_read_registry, &texts->count);
	return texts->items != NULL;
}

static bool read_streams(struct policy_reading *reading, const struct policy_value *value,
                         struct policy_streams *streams)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};
	bool *const members[] = {&streams->in, &streams->out, &streams->err};
	if (!array_of(reading, value, "stdin, stdout, stderr"))
		return false;
	for (size_t i = 0; i < json_array_size(value->json); i++) {
		char path[POLICY_PATH_SIZE];
		const struct policy_value item = policy_item_of(value, i, path);
		const char *text = json_string_value(item.json);
		size_t which = 0;
		if (text == NULL)
			return policy_wrong_kind(reading, &item, "stdin, stdout or stderr");
		while (which < 3 && strcmp(text, names[which]) != 0)
			which++;
		if (which == 3)
			return policy_unknown(reading, path, text, names, 3);
		*members[which] = true;
	}
	return true;
}

/* ---- directories ---- */

static bool read_directory(struct policy_reading *reading, const struct policy_value *value,
                           void *item)
{
	struct policy_directory *dir = item;
	static const char *const keys[] = {"host", "guest", "access", "quota"};
	char path[POLICY_PATH_SIZE];
	if (!POLICY_OBJECT_OF(reading, value, keys, "an object with host, guest, access and quota"))
		return false;
	dir->mark = policy_mark_of(reading, value->path);
	dir->access = POLICY_READ;
	const struct policy_value host = policy_member_of(value, "host", path);
	if (host.json == NULL)
		return policy_wrong(reading, value->path, "has no host, the directory that is granted");
	if ((dir->host = policy_text_of(reading, &host)) == NULL)
		return false;
	const struct policy_value guest = policy_member_of(value, "guest", path);
	if (reading->role == POLICY_CEILING && guest.json != NULL)
		return policy_wrong(reading, path, "a ceiling bounds the host's directories; leave it out");
	if (reading->role == POLICY_GRANTS && guest.json == NULL)
		return policy_wrong(reading, value->path,
		                    "has no guest, the name that the module knows the directory by");
	if (guest.json != NULL && (dir->guest = policy_text_of(reading, &guest)) == NULL)
		return false;
	if (dir->guest != NULL && strstr(dir->guest, "::") != NULL)
		return policy_wrong(reading, path, "must not hold \"::\"");
	size_t len = dir->guest != NULL ? strlen(dir->guest) : 0;
	if (len > 3 && strcmp(dir->guest + len - 3, ":ro") == 0)
		return policy_wrong(reading, path, "must not end in \":ro\"; say access: ro");
	if (dir->guest != NULL && strstr(dir->guest, ":quota=") != NULL)
		return policy_wrong(reading, path, "must not hold \":quota=\"; say quota: BYTES");
	const struct policy_value access = policy_member_of(value, "access", path);
	if (access.json != NULL && !policy_read_access(reading, &access, &dir->access))
		return false;
	const struct policy_value quota = policy_member_of(value, "quota", path);
	if (quota.json == NULL)
		return true;
	return read_bytes(reading, &quota, &dir->quota) &&
	       (dir->access == POLICY_READ_WRITE ||
	        policy_wrong(reading, path, "limits what is written, and access is not rw"));
}

/* Each directory needs a name of its own: a module reaches no second one by the same. */
static bool check_guests(struct policy_reading *reading, const struct policy_value *value,
                         const struct policy_directories *dirs)
{
	char path[POLICY_PATH_SIZE];
	for (size_t i = 1; i < dirs->count && reading->role == POLICY_GRANTS; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(dirs->items[i].guest, dirs->items[j].guest) == 0)
				return policy_wrong(reading, policy_item_of(value, i, path).path,
				                    "guest \"%.80s\" is the name of an earlier directory; give "
				                    "each a name of its own",
				                    dirs->items[i].guest);
		}
	}
	return true;
}

/* ---- clock and random ---- */

static bool read_fixed(struct policy_reading *reading, const struct policy_value *value,
                       struct policy_clock *clock)
{
	static const char *const keys[] = {"fixed"};
	char path[POLICY_PATH_SIZE];
	if (!POLICY_OBJECT_OF(reading, value, keys, "real, coarse, none or {fixed: TIME}"))
		return false;
	const struct policy_value fixed = policy_member_of(value, "fixed", path);
	if (fixed.json == NULL)
		return policy_wrong(reading, value->path, "has no fixed, the time that stands");
	const char *text = policy_scalar_of(reading, &fixed);
	if (text == NULL)
		return false;
	*clock = (struct policy_clock){.granted = true, .mode = CAPS_CLOCK_FIXED};
	return moment_parse(text, &clock->fixed_ns) ||
	       policy_wrong(reading, path,
	                    "is \"%.40s\", must be a time, as 2024-01-31T12:00:00Z, or seconds since "
	                    "1970",
	                    text);
}

static bool read_clock(struct policy_reading *reading, const struct policy_value *value,
                       struct policy_clock *clock)
{
	static const char *const names[] = {"real", "coarse", "none"};
	static const struct policy_clock clocks[] = {
	    {.granted = true, .mode = CAPS_CLOCK_REAL},
	    {.granted = true, .mode = CAPS_CLOCK_COARSE},
	    {.granted = false},
	};
	const char *text = json_string_value(value->json);
	if (text == NULL)
		return read_fixed(reading, value, clock);
	for (size_t i = 0; i < 3; i++) {
		if (strcmp(text, names[i]) == 0) {
			*clock = clocks[i];
			return true;
		}
	}
	return policy_wrong(reading, value->path,
	                    "is \"%.40s\", must be real, coarse, none or {fixed: TIME}", text);
}

static bool read_random(struct policy_reading *reading, const struct policy_value *value,
                        struct policy_random *random)
{
	static const char *const keys[] = {"seed"};
	static const char expected[] = "real, none or {seed: NUMBER}";
	char path[POLICY_PATH_SIZE];
	const char *text = json_string_value(value->json);
	if (text != NULL) {
		random->granted = strcmp(text, "real") == 0;
		return random->granted || strcmp(text, "none") == 0 ||
		       policy_wrong(reading, value->path, "is \"%.40s\", must be %s", text, expected);
	}
	if (!POLICY_OBJECT_OF(reading, value, keys, expected))
		return false;
	const struct policy_value seed = policy_member_of(value, "seed", path);
	if (seed.json == NULL)
		return policy_wrong(reading, value->path, "has no seed");
	random->granted = random->is_seeded = true;
	return read_number(reading, &seed, &random->seed);
}

/* ---- by kind ---- */

static bool read_list(struct policy_reading *reading, const struct policy_row *row,
                      const struct policy_value *value, void *member)
{
	struct policy_directories *dirs = member;
	struct policy_origins *origins = member;
	struct policy_buckets *buckets = member;
	struct policy_endpoints *endpoints = member;
	switch (row->kind) {
	case POLICY_KIND_DIRECTORIES:
		dirs->items = policy_items_of(reading, value, "directories", sizeof *dirs->items,
		                              read_directory, &dirs->count);
		return dirs->items != NULL && check_guests(reading, value, dirs);
	case POLICY_KIND_ORIGINS:
		origins->items = policy_items_of(reading, value, "hosts", sizeof *origins->items,
		                                 policy_read_origin, &origins->count);
		return origins->items != NULL;
	case POLICY_KIND_BUCKETS:
		buckets->items = policy_items_of(reading, value, "buckets", sizeof *buckets->items,
		                                 policy_read_bucket, &buckets->count);
		return buckets->items != NULL;
	default:
		endpoints->items = policy_items_of(reading, value, "HOST:PORT", sizeof *endpoints->items,
		                                   policy_read_endpoint, &endpoints->count);
		return endpoints->items != NULL;
	}
}

bool policy_read_value(struct policy_reading *reading, const struct policy_row *row,
                       const struct policy_value *value, void *member)
{
	switch (row->kind) {
	case POLICY_KIND_TEXTS:
		return read_texts(reading, value, member);
	case POLICY_KIND_VARIABLES:
		return read_variables(reading, value, member);
	case POLICY_KIND_STREAMS:
		return read_streams(reading, value, member);
	case POLICY_KIND_CLOCK:
		return read_clock(reading, value, member);
	case POLICY_KIND_RANDOM:
		return read_random(reading, value, member);
	case POLICY_KIND_METHODS:
		return read_methods(reading, value, member);
	case POLICY_KIND_REGISTRIES:
		return read_registries(reading, value, member);
	case POLICY_KIND_COUNT:
		return read_count(reading, value, member);
	case POLICY_KIND_DESCRIPTORS:
		return read_descriptors(reading, value, member);
	case POLICY_KIND_ZERO:
		return read_zero(reading, value, member);
	case POLICY_KIND_BYTES:
		return read_bytes(reading, value, member);
	case POLICY_KIND_DURATION:
		return read_duration(reading, value, member);
	case POLICY_KIND_ACCESS:
		return policy_read_access(reading, value, member);
	case POLICY_KIND_DIRECTORIES:
	case POLICY_KIND_ORIGINS:
	case POLICY_KIND_BUCKETS:
	case POLICY_KIND_ENDPOINTS:
		break;
	}
	return read_list(reading, row, value, member);
}
