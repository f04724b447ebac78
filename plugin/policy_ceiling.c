#include "plugin/policy_ceiling.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define WHERE_SIZE 320

/* One comparison: of a field, or of an item in its list. */
struct comparison {
	const struct policy *ceiling, *policy;
	enum policy_field field;
	struct error *err;
};

/* "WHERE: WHAT is more than the ceiling grants (WHERE)" */
__attribute__((format(printf, 4, 5))) static bool
deny(const struct comparison *c, int item, struct policy_mark mark, const char *fmt, ...)
{
	const char *path = policy_row(c->field)->path;
	char asked[WHERE_SIZE], bound[WHERE_SIZE], what[160], at[128];
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof what, fmt, args);
	va_end(args);
	snprintf(at, sizeof at, item < 0 ? "%s" : "%s[%d]", path, item);
	policy_where(c->policy, at, mark, asked, sizeof asked);
	if (c->ceiling->is_given[c->field]) {
		policy_where(c->ceiling, path, c->ceiling->marks[c->field], bound, sizeof bound);
		return error_set(c->err, ERROR_DENIED, "%s: %s is more than the ceiling grants (%s)", asked,
		                 what, bound);
	}
	return error_set(c->err, ERROR_DENIED,
	                 "%s: the ceiling does not name %s, so nobody gets it (%s)", asked, path,
	                 c->ceiling->source);
}

static const void *member(const struct policy *policy, const struct policy_row *row)
{
	return (const char *)policy + row->member;
}

/* ---- lists: each item must be covered by one of the ceiling's ---- */

static bool is_same_directory(const char *a, const char *b)
{
	struct stat of_a, of_b;
	if (strcmp(a, b) == 0)
		return true;
	return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
	       of_a.st_ino == of_b.st_ino;
}

/* Each entry counts for itself: a directory that is written by two names has two quotas. */
static bool check_written_once(const struct comparison *c, size_t item)
{
	const struct policy_directories *asked = &c->policy->files;
	const struct policy_directory *dir = &asked->items[item];
	char path[64], where[WHERE_SIZE];
	for (size_t i = 0; i < item && dir->access == POLICY_READ_WRITE; i++) {
		if (asked->items[i].access != POLICY_READ_WRITE ||
		    !is_same_directory(asked->items[i].host, dir->host))
			continue;
		snprintf(path, sizeof path, "%s[%zu]", policy_row(c->field)->path, item);
		return error_set(
		    c->err, ERROR_DENIED,
		    "%s: %.100s is asked for rw a second time, and would have its quota twice; "
		    "ask for it once",
		    policy_where(c->policy, path, dir->mark, where, sizeof where), dir->host);
	}
	return true;
}

static bool check_directories(const struct comparison *c)
{
	const struct policy_directories *most = &c->ceiling->files, *asked = &c->policy->files;
	for (size_t i = 0; i < asked->count; i++) {
		const struct policy_directory *dir = &asked->items[i];
		bool is_covered = dir->access == POLICY_NO_ACCESS, is_bounded = false;
		/* The very directory, not one below it: what lies there may be another step's to move. */
		for (size_t j = 0; j < most->count && !is_covered; j++) {
			const struct policy_directory *of = &most->items[j];
			bool is_within = of->quota == 0 || dir->access != POLICY_READ_WRITE ||
			                 (dir->quota != 0 && dir->quota <= of->quota);
			is_covered = strcmp(of->host, dir->host) == 0 && dir->access <= of->access && is_within;
			is_bounded = is_covered && of->quota != 0;
		}
		if (!is_covered)
			return deny(c, (int)i, dir->mark, "%.100s %s%s", dir->host,
			            dir->access == POLICY_READ ? "ro" : "rw",
			            dir->access == POLICY_READ ? ""
			            : dir->quota == 0          ? " without a quota"
			                                       : " with that quota");
		if (is_bounded && !check_written_once(c, i))
			return false;
	}
	return true;
}

static bool check_origins(const struct comparison *c)
{
	const struct policy_origins *most = &c->ceiling->http.hosts, *asked = &c->policy->http.hosts;
	for (size_t i = 0; i < asked->count; i++) {
		bool is_covered = false;
		for (size_t j = 0; j < most->count && !is_covered; j++)
			is_covered = origin_equal(&most->items[j].origin, &asked->items[i].origin);
		if (!is_covered)
			return deny(c, (int)i, asked->items[i].mark, "%.120s", asked->items[i].text);
	}
	return true;
}

static bool check_methods(const struct comparison *c)
{
	const struct policy_texts *most = &c->ceiling->http.methods, *asked = &c->policy->http.methods;
	for (size_t i = 0; i < asked->count; i++) {
		bool is_covered = false;
		for (size_t j = 0; j < most->count && !is_covered; j++)
			is_covered = strcmp(most->items[j].text, asked->items[i].text) == 0;
		if (!is_covered)
			return deny(c, (int)i, asked->items[i].mark, "%.40s", asked->items[i].text);
	}
	return true;
}

static bool check_buckets(const struct comparison *c)
{
	const struct policy_buckets *most = &c->ceiling->blob, *asked = &c->policy->blob;
	for (size_t i = 0; i < asked->count; i++) {
		const struct policy_bucket *bucket = &asked->items[i];
		bool is_covered = bucket->access == POLICY_NO_ACCESS;
		for (size_t j = 0; j < most->count && !is_covered; j++) {
			const struct policy_bucket *of = &most->items[j];
			is_covered = strcmp(of->bucket, bucket->bucket) == 0 &&
			             strncmp(of->prefix, bucket->prefix, strlen(of->prefix)) == 0 &&
			             bucket->access <= of->access;
		}
		if (!is_covered)
			return deny(c, (int)i, bucket->mark, "%.60s/%.60s %s", bucket->bucket, bucket->prefix,
			            bucket->access == POLICY_READ ? "ro" : "rw");
	}
	return true;
}

static bool check_endpoints(const struct comparison *c)
{
	const struct policy_endpoints *most = &c->ceiling->sockets, *asked = &c->policy->sockets;
	for (size_t i = 0; i < asked->count; i++) {
		bool is_covered = false;
		for (size_t j = 0; j < most->count && !is_covered; j++)
			is_covered = endpoint_equal(&most->items[j].endpoint, &asked->items[i].endpoint);
		if (!is_covered)
			return deny(c, (int)i, asked->items[i].mark, "%.120s", asked->items[i].text);
	}
	return true;
}

/* ---- single values ---- */

/* 0 none, 1 a fixed one, 2 coarse, 3 real */
static int rank_of_clock(const struct policy_clock *clock)
{
	if (!clock->granted)
		return 0;
	return clock->mode == CAPS_CLOCK_FIXED ? 1 : clock->mode == CAPS_CLOCK_COARSE ? 2 : 3;
}

static bool check_clock(const struct comparison *c)
{
	static const char *const words[] = {"none", "a fixed clock", "a coarse clock",
	                                    "the real clock"};
	int asked = rank_of_clock(&c->policy->clock);
	return asked <= rank_of_clock(&c->ceiling->clock) ||
	       deny(c, -1, c->policy->marks[c->field], "%s", words[asked]);
}

/* 0 none, 1 seeded, 2 real */
static int rank_of_random(const struct policy_random *random)
{
	return !random->granted ? 0 : random->is_seeded ? 1 : 2;
}

static bool check_random(const struct comparison *c)
{
	static const char *const words[] = {"none", "a seed", "real random"};
	int asked = rank_of_random(&c->policy->random);
	return asked <= rank_of_random(&c->ceiling->random) ||
	       deny(c, -1, c->policy->marks[c->field], "%s", words[asked]);
}

static bool check_access(const struct comparison *c)
{
	return c->policy->kv <= c->ceiling->kv || deny(c, -1, c->policy->marks[c->field], "%s",
	                                               c->policy->kv == POLICY_READ ? "ro" : "rw");
}

static bool check_number(const struct comparison *c)
{
	const struct policy_row *row = policy_row(c->field);
	const uint64_t *most = member(c->ceiling, row), *asked = member(c->policy, row);
	char much[POLICY_AMOUNT_SIZE];
	return !c->ceiling->is_given[c->field] || *asked <= *most ||
	       deny(c, -1, c->policy->marks[c->field], "%s", policy_amount(row, *asked, much));
}

static bool check_field(const struct comparison *c)
{
	switch (policy_row(c->field)->kind) {
	case POLICY_KIND_DIRECTORIES:
		return check_directories(c);
	case POLICY_KIND_ORIGINS:
		return check_origins(c);
	case POLICY_KIND_METHODS:
		return !c->ceiling->is_given[c->field] || check_methods(c);
	case POLICY_KIND_BUCKETS:
		return check_buckets(c);
	case POLICY_KIND_ENDPOINTS:
		return check_endpoints(c);
	case POLICY_KIND_CLOCK:
		return check_clock(c);
	case POLICY_KIND_RANDOM:
		return check_random(c);
	case POLICY_KIND_ACCESS:
		return check_access(c);
	case POLICY_KIND_COUNT:
	case POLICY_KIND_DESCRIPTORS:
	case POLICY_KIND_ZERO:
	case POLICY_KIND_BYTES:
	case POLICY_KIND_DURATION:
		return check_number(c);
	case POLICY_KIND_TEXTS:
	case POLICY_KIND_VARIABLES:
	case POLICY_KIND_STREAMS:
		break; /* no ceiling bounds it */
	case POLICY_KIND_REGISTRIES:
		break; /* no policy has it */
	}
	return true;
}

bool policy_ceiling_check(const struct policy *ceiling, const struct policy *policy,
                          struct error *err)
{
	struct comparison c = {.ceiling = ceiling, .policy = policy, .err = err};
	for (int field = 0; field < POLICY_FIELD_COUNT; field++) {
		c.field = (enum policy_field)field;
		if (policy->is_given[field] && policy_row(c.field)->of_ceiling && !check_field(&c))
			return false;
	}
	return true;
}

void policy_ceiling_fill(const struct policy *ceiling, struct policy *policy)
{
	for (int field = 0; field < POLICY_FIELD_COUNT; field++) {
		const struct policy_row *row = policy_row((enum policy_field)field);
		char *into = (char *)policy + row->member;
		if (policy->is_given[field] || !ceiling->is_given[field])
			continue;
		switch (row->kind) {
		case POLICY_KIND_METHODS:
			memcpy(into, member(ceiling, row), sizeof(struct policy_texts));
			break;
		case POLICY_KIND_COUNT:
		case POLICY_KIND_DESCRIPTORS:
		case POLICY_KIND_BYTES:
		case POLICY_KIND_DURATION:
			memcpy(into, member(ceiling, row), sizeof(uint64_t));
			break;
		default:
			break;
		}
	}
}

bool policy_ceiling_lets_module(const struct policy *ceiling, const char *host,
                                const char *repository, struct error *err)
{
	char whole[600], where[WHERE_SIZE];
	if (!ceiling->is_given[POLICY_REGISTRIES])
		return true;
	snprintf(whole, sizeof whole, "%s/%s", host, repository);
	for (size_t i = 0; i < ceiling->registries.count; i++) {
		const char *listed = ceiling->registries.items[i].text;
		size_t len = strlen(listed);
		if (strncmp(whole, listed, len) == 0 && (whole[len] == '\0' || whole[len] == '/'))
			return true;
	}
	policy_where(ceiling, "registries", ceiling->marks[POLICY_REGISTRIES], where, sizeof where);
	return error_set(err, ERROR_DENIED, "the ceiling does not list %.200s (%s)", whole, where);
}

bool policy_ceiling_lets_url(const struct policy *ceiling, const char *url, struct error *err)
{
	const struct policy_origins *most = &ceiling->http.hosts;
	const char *path = policy_row(POLICY_HTTP_HOSTS)->path;
	struct origin origin;
	char where[WHERE_SIZE], text[ORIGIN_TEXT_SIZE];
	if (!origin_parse(url, strlen(url), &origin, NULL, err))
		return false;
	for (size_t i = 0; i < most->count; i++) {
		if (origin_equal(&most->items[i].origin, &origin))
			return true;
	}
	policy_where(ceiling, path, ceiling->marks[POLICY_HTTP_HOSTS], where, sizeof where);
	return error_set(err, ERROR_DENIED, "the ceiling does not list %s (%s)",
	                 origin_text(&origin, text), where);
}
