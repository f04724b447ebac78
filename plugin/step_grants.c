#include "plugin/step_grants.h"

#include "plugin/order.h"
#include "plugin/policy_ceiling.h"
#include "plugin/reference.h"
#include "plugin/workdir.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void step_grants_clear(struct step_grants *grants)
{
	policy_words_clear(&grants->words);
	broker_terms_clear(&grants->broker);
}

/* The place of a field of the template's, for messages. */
static const char *where(const struct policy *policy, enum policy_field field, char *buf,
                         size_t size)
{
	return policy_where(policy, policy_row(field)->path, policy->marks[field], buf, size);
}

/* The limit that holds for the field: the template's, else the lower of the server's and the
 * ceiling's. */
static bool take_limit(const struct step_setting *setting, const struct policy *policy,
                       enum policy_field field, struct step_limit *limit, struct error *err)
{
	const struct policy_row *row = policy_row(field);
	const uint64_t *asked = (const void *)((const char *)policy + row->member);
	char at[256], much[POLICY_AMOUNT_SIZE], most[POLICY_AMOUNT_SIZE];
	if (policy->is_given[field]) {
		if (*asked > limit->value)
			return error_set(err, ERROR_DENIED, "%s: asks for %s, this server allows %s (%s)",
			                 where(policy, field, at, sizeof at), policy_amount(row, *asked, much),
			                 policy_amount(row, limit->value, most), limit->set_by);
		limit->value = *asked;
		snprintf(limit->set_by, sizeof limit->set_by, "%s", row->path);
	} else if (setting->ceiling != NULL && *asked != 0 && *asked < limit->value) {
		limit->value = *asked;
		snprintf(limit->set_by, sizeof limit->set_by, "%s of the ceiling", row->path);
	}
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
	                 "%s: this server grants steps no directory but " WORKDIR_GUEST
	                 "; a ceiling can list more (--policy-ceiling)",
	                 where(asked, POLICY_FILES, at, sizeof at));
}

/* What a C library makes of the name of a granted directory: leading "/" and "./" say nothing to
 * it, nor does an end in "/". */
static const char *bare_name(const char *guest, size_t *size)
{
	for (;;) {
		if (*guest == '/' || (*guest == '.' && guest[1] == '\0'))
			guest++;
		else if (*guest == '.' && guest[1] == '/')
			guest += 2;
		else
			break;
	}
	*size = strlen(guest);
	while (*size > 0 && guest[*size - 1] == '/')
		(*size)--;
	return guest;
}

/* The places that tiphys lays: the work directory, and "." where the template says workdir. */
static bool is_laid(const struct request *request, const char *guest)
{
	static const char work[] = WORKDIR_GUEST;
	const size_t work_size = sizeof work - 2; /* without the slash at its head */
	size_t size;
	const char *name = bare_name(guest, &size);
	if (size == 0)
		return request->workdir != NULL && *guest == '.';
	return size >= work_size && strncmp(name, work + 1, work_size) == 0 &&
	       (size == work_size || name[work_size] == '/');
}

static bool check_places(const struct request *request, struct error *err)
{
	const struct policy *asked = &request->permissions;
	char path[64], at[256];
	for (size_t i = 0; i < asked->files.count; i++) {
		const struct policy_directory *dir = &asked->files.items[i];
		if (!is_laid(request, dir->guest))
			continue;
		snprintf(path, sizeof path, "%s[%zu]", policy_row(POLICY_FILES)->path, i);
		return error_set(err, ERROR_DENIED,
		                 "%s: guest \"%.80s\" lies where this server puts the step's work "
		                 "directory; take another name",
		                 policy_where(asked, path, dir->mark, at, sizeof at), dir->guest);
	}
	return true;
}

static bool check_module(const struct policy *ceiling, const char *module, struct error *err)
{
	struct reference reference;
	return reference_parse(&reference, module, err) &&
	       policy_ceiling_lets_module(ceiling, reference.host, reference.repository, err);
}

/* What every step has unless its template says otherwise: a clock and random numbers, without which
 * few language runtimes start; no better ones than the ceiling has. */
static void take_defaults(const struct policy *ceiling, struct policy *policy)
{
	if (!policy->is_given[POLICY_CLOCK])
		policy->clock = ceiling != NULL
		                    ? ceiling->clock
		                    : (struct policy_clock){.granted = true, .mode = CAPS_CLOCK_REAL};
	if (!policy->is_given[POLICY_RANDOM])
		policy->random =
		    ceiling != NULL ? ceiling->random : (struct policy_random){.granted = true};
}

/* What a broker does is none of the worker's options: it has a broker already, and asks that. */
static bool take_broker(const struct step_setting *setting, const struct request *request,
                        struct policy *policy, struct step_grants *out, struct error *err)
{
	if (policy->kv != POLICY_NO_ACCESS && *request->uid == '\0')
		return error_set(err, ERROR_USAGE,
		                 "%s.kv: the request tells no uid of a workflow to keep values for",
		                 policy->source);
	if (!broker_terms_take(&out->broker, policy, setting->kv, request->uid, err)) {
		error_wrap(err, "%s", policy->source);
		return false;
	}
	out->broker.http.stall_seconds = out->broker.sockets.stall_seconds = setting->stall_seconds;
	memset(&policy->http, 0, sizeof policy->http);
	memset(&policy->sockets, 0, sizeof policy->sockets);
	memset(&policy->blob, 0, sizeof policy->blob);
	policy->kv = POLICY_NO_ACCESS;
	return !broker_is_needed(&out->broker) ||
	       policy_word(&out->words, err, "--broker=%d", JOB_BROKER_NUMBER);
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

/* A ceiling above the default of what nobody gave does not raise it. */
static void keep_default(struct policy *policy, enum policy_field field, uint64_t by_default)
{
	uint64_t *value = (void *)((char *)policy + policy_row(field)->member);
	if (!policy->is_given[field] && *value > by_default)
		*value = by_default;
}

bool step_grants_decide(const struct step_setting *setting, const struct request *request,
                        struct step_grants *out, struct error *err)
{
	const struct policy *ceiling = setting->ceiling;
	struct policy *policy = &out->policy;
	*policy = request->permissions;
	if (!check_stdin(request, err))
		return false;
	if (ceiling == NULL) {
		if (!check_files(policy, err))
			return false;
	} else {
		if (!check_module(ceiling, request->module, err) || !check_places(request, err) ||
		    !policy_ceiling_check(ceiling, policy, err))
			return false;
		policy_ceiling_fill(ceiling, policy);
	}
	out->memory = (struct step_limit){setting->memory_bytes, "--max-memory"};
	out->time = (struct step_limit){setting->time_ms, "--step-timeout"};
	out->output = (struct step_limit){setting->output_bytes, "--max-output"};
	out->fuel = (struct step_limit){.value = UINT64_MAX}; /* the server has no limit of its own */
	if (!take_limit(setting, policy, POLICY_MEMORY, &out->memory, err) ||
	    !take_limit(setting, policy, POLICY_FUEL, &out->fuel, err) ||
	    !take_limit(setting, policy, POLICY_TIME, &out->time, err) ||
	    !take_limit(setting, policy, POLICY_OUTPUT, &out->output, err))
		return false;
	keep_default(policy, POLICY_OPEN_FILES, CAPS_OPEN_FILES_DEFAULT);
	keep_default(policy, POLICY_HTTP_CONCURRENT, HTTP_CONCURRENT_DEFAULT);
	keep_default(policy, POLICY_HTTP_BODY, HTTP_BODY_DEFAULT);
	keep_default(policy, POLICY_HTTP_TIMEOUT, HTTP_TIMEOUT_MS_DEFAULT);
	policy->limits.memory = out->memory.value;
	policy->limits.output = 0; /* the server counts it itself, and tells by whose limit it ended */
	take_defaults(ceiling, policy);
	return true;
}

bool step_grants_spell(const struct step_setting *setting, const struct request *request,
                       const char *work_dir, struct step_grants *out, struct error *err)
{
	struct policy policy = out->policy;
	return take_broker(setting, request, &policy, out, err) &&
	       policy_word(&out->words, err, "--dir=%s::" WORKDIR_GUEST ":quota=%" PRIu64, work_dir,
	                   setting->work_bytes) &&
	       policy_words_add(&out->words, &policy, err) &&
	       add_load_rules(&out->words, setting->load, err) && add_inputs(&out->words, request, err);
}
