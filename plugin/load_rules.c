#include "plugin/load_rules.h"

#include "plugin/quantity.h"
#include "plugin/suggest.h"

#include <string.h>

void load_words_clear(struct load_words *words)
{
	option_texts_clear(&words->enable);
	option_texts_clear(&words->limits);
}

/* advice: where none is near. */
static bool unknown(const char *option, const char *kind, const struct suggestion *suggestion,
                    const char *advice, struct error *err)
{
	if (suggestion->best != NULL)
		return error_set(err, ERROR_USAGE, "%s: unknown %s \"%s\"; did you mean \"%s\"?", option,
		                 kind, suggestion->meant, suggestion->best);
	return error_set(err, ERROR_USAGE, "%s: unknown %s \"%.*s\"; %s", option, kind,
	                 SUGGEST_NAME_MAX, suggestion->meant, advice);
}

static bool enable(struct load_rules *rules, const char *name, struct error *err)
{
	struct suggestion suggestion;
	enum feature feature = feature_find(name);
	if (feature != FEATURE_COUNT) {
		rules->features |= UINT64_C(1) << feature;
		return true;
	}
	suggestion_init(&suggestion, name);
	for (unsigned i = 0; i < FEATURE_COUNT; i++)
		suggestion_offer(&suggestion, feature_name((enum feature)i));
	return unknown("--enable", "feature", &suggestion,
	               "--help lists them, and each takes an --enable of its own", err);
}

/* name: what stands before the '='. */
static bool set_limit(struct load_rules *rules, const char *name, const char *figure,
                      struct error *err)
{
	static const char names[] = "there are "
#define X(id, limit, value, highest, what) limit ", "
	    LIMITS(X)
#undef X
	        "and no others";
	struct suggestion suggestion;
	uint64_t value;
	enum load_limit limit = load_limit_find(name);
	if (limit == LOAD_LIMIT_COUNT) {
		suggestion_init(&suggestion, name);
		for (unsigned i = 0; i < LOAD_LIMIT_COUNT; i++)
			suggestion_offer(&suggestion, load_limit_rows[i].name);
		return unknown("--limit", "limit", &suggestion, names, err);
	}
	if (!size_parse(figure, &value))
		return error_set(err, ERROR_USAGE, "--limit %s: \"%s\" is no number", name, figure);
	if (value > load_limit_rows[limit].highest)
		return error_set(err, ERROR_USAGE, "--limit %s: %s can be limited to at most %llu", name,
		                 load_limit_rows[limit].what,
		                 (unsigned long long)load_limit_rows[limit].highest);
	rules->limits.of[limit] = value;
	return true;
}

static bool read_limit(struct load_rules *rules, const char *text, struct error *err)
{
	char name[SUGGEST_NAME_MAX + 1];
	size_t len = strcspn(text, "=");
	if (text[len] != '=' || len == 0 || len >= sizeof name)
		return error_set(err, ERROR_USAGE, "--limit wants NAME=N, as functions=5000, not \"%s\"",
		                 text);
	memcpy(name, text, len);
	name[len] = '\0';
	return set_limit(rules, name, text + len + 1, err);
}

bool load_rules_read(const struct load_words *words, struct load_rules *rules, struct error *err)
{
	*rules = (struct load_rules){
	    .features = FEATURES_DEFAULT,
	    .limits = load_limits_default,
	    .threads = words->threads == 0 ? MODULE_THREADS_ALL : (unsigned)words->threads,
	};
	for (size_t i = 0; i < words->enable.count; i++)
		if (!enable(rules, words->enable.items[i], err))
			return false;
	for (size_t i = 0; i < words->limits.count; i++)
		if (!read_limit(rules, words->limits.items[i], err))
			return false;
	return true;
}

struct module_options load_rules_options(const struct load_rules *rules)
{
	return (struct module_options){
	    .features = rules->features, .limits = &rules->limits, .threads = rules->threads};
}
