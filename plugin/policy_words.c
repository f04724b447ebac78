#include "plugin/policy_words.h"

#include "caps/cleanup.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define NS_PER_S 1000000000ll

void policy_words_clear(struct policy_words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->items[i]);
	free(words->items);
	*words = (struct policy_words){0};
}

bool policy_word(struct policy_words *words, struct error *err, const char *fmt, ...)
{
	va_list args;
	char *text;
	if (words->count == words->room) {
		size_t room = words->room == 0 ? 32 : 2 * words->room;
		char **items = reallocarray(words->items, room, sizeof *items);
		if (items == NULL)
			return error_set(err, ERROR_NO_MEMORY, "no memory for the options of a run");
		words->items = items;
		words->room = room;
	}
	va_start(args, fmt);
	int size = vasprintf(&text, fmt, args);
	va_end(args);
	if (size < 0)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the options of a run");
	words->items[words->count++] = text;
	return true;
}

static bool add_number(struct policy_words *words, const char *option, uint64_t number,
                       struct error *err)
{
	return number == 0 || policy_word(words, err, "--%s=%" PRIu64, option, number);
}

static bool add_streams(struct policy_words *words, const struct policy *policy, struct error *err)
{
	const struct policy_streams *streams = &policy->stdio;
	if (!policy->is_given[POLICY_STDIO])
		return true;
	return (!streams->in || policy_word(words, err, "--stdin")) &&
	       (streams->out || policy_word(words, err, "--no-stdout")) &&
	       (streams->err || policy_word(words, err, "--no-stderr"));
}

static bool add_directory(struct policy_words *words, const struct policy_directory *dir,
                          struct error *err)
{
	if (dir->access == POLICY_NO_ACCESS)
		return true;
	if (dir->access == POLICY_READ)
		return policy_word(words, err, "--dir=%s::%s:ro", dir->host, dir->guest);
	if (dir->quota != 0)
		return policy_word(words, err, "--dir=%s::%s:quota=%" PRIu64, dir->host, dir->guest,
		                   dir->quota);
	return policy_word(words, err, "--dir=%s::%s", dir->host, dir->guest);
}

static bool add_files(struct policy_words *words, const struct policy *policy, struct error *err)
{
	for (size_t i = 0; i < policy->files.count; i++) {
		if (!add_directory(words, &policy->files.items[i], err))
			return false;
	}
	return true;
}

static bool add_env(struct policy_words *words, const struct policy *policy, struct error *err)
{
	for (size_t i = 0; i < policy->env.count; i++) {
		if (!policy_word(words, err, "--env=%s", policy->env.items[i].text))
			return false;
	}
	return true;
}

static bool add_clock(struct policy_words *words, const struct policy *policy, struct error *err)
{
	if (!policy->clock.granted)
		return true;
	switch (policy->clock.mode) {
	case CAPS_CLOCK_REAL:
		return policy_word(words, err, "--clock=real");
	case CAPS_CLOCK_COARSE:
		return policy_word(words, err, "--clock=coarse");
	case CAPS_CLOCK_FIXED:
		break;
	}
	return policy_word(words, err, "--clock=fixed:%lld", policy->clock.fixed_ns / NS_PER_S);
}

static bool add_random(struct policy_words *words, const struct policy *policy, struct error *err)
{
	if (!policy->random.granted)
		return true;
	return policy->random.is_seeded
	           ? policy_word(words, err, "--random=%" PRIu64, policy->random.seed)
	           : policy_word(words, err, "--random");
}

static bool add_network(struct policy_words *words, const struct policy *policy, struct error *err)
{
	for (size_t i = 0; i < policy->http.hosts.count; i++) {
		if (!policy_word(words, err, "--http=%s", policy->http.hosts.items[i].text))
			return false;
	}
	for (size_t i = 0; i < policy->http.methods.count; i++) {
		if (!policy_word(words, err, "--http-method=%s", policy->http.methods.items[i].text))
			return false;
	}
	for (size_t i = 0; i < policy->sockets.count; i++) {
		if (!policy_word(words, err, "--socket=%s", policy->sockets.items[i].text))
			return false;
	}
	for (size_t i = 0; i < policy->blob.count; i++) {
		const struct policy_bucket *bucket = &policy->blob.items[i];
		if (bucket->access != POLICY_NO_ACCESS &&
		    !policy_word(words, err, "--blob=%s/%s:%s", bucket->bucket, bucket->prefix,
		                 bucket->access == POLICY_READ ? "ro" : "rw"))
			return false;
	}
	return add_number(words, "http-concurrent", policy->http.max_concurrent, err) &&
	       add_number(words, "http-body", policy->http.max_body, err) &&
	       (policy->http.timeout_ms == 0 ||
	        policy_word(words, err, "--http-timeout=%" PRIu64 "ms", policy->http.timeout_ms));
}

bool policy_words_add(struct policy_words *words, const struct policy *policy, struct error *err)
{
	return add_streams(words, policy, err) && add_files(words, policy, err) &&
	       add_env(words, policy, err) && add_clock(words, policy, err) &&
	       add_random(words, policy, err) && add_network(words, policy, err) &&
	       (policy->kv == POLICY_NO_ACCESS ||
	        policy_word(words, err, "--kv=%s", policy->kv == POLICY_READ ? "ro" : "rw")) &&
	       add_number(words, "memory", policy->limits.memory, err) &&
	       add_number(words, "fuel", policy->limits.fuel, err) &&
	       add_number(words, "stdout-limit", policy->limits.output, err) &&
	       add_number(words, "stderr-limit", policy->limits.output, err) &&
	       add_number(words, "open-files", policy->limits.open_files, err);
}
