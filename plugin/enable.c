#include "plugin/enable.h"

#include "plugin/suggest.h"
#include "validator/feature.h"

static bool unknown_feature(const char *name, struct error *err)
{
	struct suggestion suggestion;
	suggestion_init(&suggestion, name);
	for (unsigned i = 0; i < FEATURE_COUNT; i++)
		suggestion_offer(&suggestion, feature_name((enum feature)i));
	if (suggestion.best != NULL)
		return error_set(err, ERROR_USAGE, "--enable: unknown feature \"%s\"; did you mean \"%s\"?",
		                 name, suggestion.best);
	return error_set(err, ERROR_USAGE, "--enable: unknown feature \"%s\"", name);
}

bool enable_features(const struct option_texts *names, uint64_t *features, struct error *err)
{
	*features = FEATURES_DEFAULT;
	for (size_t i = 0; i < names->count; i++) {
		enum feature feature = feature_find(names->items[i]);
		if (feature == FEATURE_COUNT)
			return unknown_feature(names->items[i], err);
		*features |= UINT64_C(1) << feature;
	}
	return true;
}
