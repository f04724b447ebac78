#include "plugin/step_grants.h"

#include "plugin/workdir.h"

#include <inttypes.h>
#include <stdio.h>

void step_grants_clear(struct step_grants *grants)
{
	policy_words_clear(&grants->words);
}

/* The place of a field of the template's, for messages. */
static const char *where(const struct policy *policy, enum policy_field field, char *buf,
                         size_t size)
{
	return policy_where(policy, policy_row(field)->path, policy->marks[field], buf, size);
}

/* The template's limit where it gives one, within the server's. */
static bool take_limit(const struct policy *policy, enum policy_field field, uint64_t asked,
                       struct step_limit server, struct step_limit *limit, struct error *err)
{
	char at[256];
	*limit = server;
	if (!policy->is_given[field])
		return true;
	if (asked > server.value)
		return error_set(err, ERROR_DENIED,
		                 "%s: asks for %" PRIu64 ", this server allows %" PRIu64 " (%s)",
		                 where(policy, field, at, sizeof at), asked, server.value, server.set_by);
	limit->value = asked;
	limit->set_by = policy_row(field)->path;
	return true;
}

static bool check_stdin(const struct request *request, struct error *err)
{
	const struct policy *asked = &request->permissions;
	char at[256];
	if (request->stdin_text == NULL || !asked->is_given[POLICY_STDIO] || asked->stdio.in)
		return true;
	return error_set(err, ERROR_USAGE,
	                 "%s: does not list stdin, and the template gives the module a stdin; list it "
	                 "or take stdin out",
	                 where(asked, POLICY_STDIO, at, sizeof at));
}

static bool check_files(const struct policy *asked, struct error *err)
{
	char at[256];
	return asked->files.count == 0 ||
	       error_set(err, ERROR_DENIED,
	                 "%s: this server grants steps no directory but " WORKDIR_GUEST,
	                 where(asked, POLICY_FILES, at, sizeof at));
}

/* What every step has unless its template says otherwise: a clock and random numbers, without which
 * few language runtimes start. */
static void take_defaults(struct policy *policy)
{
	if (!policy->is_given[POLICY_CLOCK])
		policy->clock = (struct policy_clock){.granted = true, .mode = CAPS_CLOCK_REAL};
	if (!policy->is_given[POLICY_RANDOM])
		policy->random = (struct policy_random){.granted = true};
}

static bool add_load_rules(struct policy_words *words, const struct load_words *load,
                           struct error *err)
{
	for (size_t i = 0; i < load->enable.count; i++) {
		if (!policy_word(words, err, "--enable=%s", load->enable.items[i]))
			return false;
	}
	for (size_t i = 0; i < load->limits.count; i++) {
		if (!policy_word(words, err, "--limit=%s", load->limits.items[i]))
			return false;
	}
	return true;
}

static bool add_inputs(struct policy_words *words, const struct request *request, struct error *err)
{
	if (request->stdin_text != NULL && !request->permissions.stdio.in &&
	    !policy_word(words, err, "--stdin"))
		return false;
	for (size_t i = 0; i < request->env.count; i++) {
		if (!policy_word(words, err, "--env=%s", request->env.items[i]))
			return false;
	}
	return true;
}

bool step_grants_make(const struct step_setting *setting, const struct request *request,
                      const char *work_dir, struct step_grants *out, struct error *err)
{
	/* Borrows the lists of the request's; only what has no list is changed. */
	struct policy policy = request->permissions;
	struct step_limit memory;
	if (!check_stdin(request, err) || !check_files(&policy, err) ||
	    !take_limit(&policy, POLICY_MEMORY, policy.limits.memory,
	                (struct step_limit){setting->memory_bytes, "--max-memory"}, &memory, err) ||
	    !take_limit(&policy, POLICY_TIME, policy.limits.time_ms,
	                (struct step_limit){setting->time_ms, "--step-timeout"}, &out->time, err) ||
	    !take_limit(&policy, POLICY_OUTPUT, policy.limits.output,
	                (struct step_limit){setting->output_bytes, "--max-output"}, &out->output, err))
		return false;
	policy.limits.memory = memory.value;
	policy.limits.output = 0; /* the server counts it itself, and tells by whose limit it ended */
	take_defaults(&policy);
	return policy_word(&out->words, err, "--dir=%s::" WORKDIR_GUEST, work_dir) &&
	       policy_words_add(&out->words, &policy, err) &&
	       add_load_rules(&out->words, setting->load, err) && add_inputs(&out->words, request, err);
}
