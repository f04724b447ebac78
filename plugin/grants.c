#include "plugin/grants.h"

#include "caps/cleanup.h"
#include "plugin/moment.h"
#include "plugin/quantity.h"
#include "plugin/workdir.h"

#include <errno.h>
#include <string.h>

/* True for 0; else sets the error that a grant's negative errno stands for. */
static bool granted(int result, const char *option, const char *value, struct error *err)
{
	if (result >= 0)
		return true;
	return error_set_errno(err, -result, "%s %s", option, value);
}

/* Takes `suffix` off the end of the text. */
static bool take_off(char *text, const char *suffix)
{
	size_t len = strlen(text), tail = strlen(suffix);
	if (len <= tail || strcmp(text + len - tail, suffix) != 0)
		return false;
	text[len - tail] = '\0';
	return true;
}

struct dir_terms {
	enum caps_access access;
	uint64_t quota;
	const char *set_by; /* who may set another quota */
	const char *shares; /* the guest's name of a directory whose quota holds for both, or NULL */
};

/* GUEST[:ro|:rw] or GUEST[:quota=BYTES] or GUEST[:quota=/OTHER]. No other colon: what is misspelt
 * would be a writable directory of an odd name. */
static bool take_terms(char *guest, struct dir_terms *terms)
{
	static const char mark[] = ":quota=";
	char *quota = strstr(guest, mark);
	*terms = (struct dir_terms){
	    .access = take_off(guest, ":ro") ? CAPS_READ_ONLY : CAPS_READ_WRITE,
	    .quota = CAPS_QUOTA_NONE,
	};
	if (quota == NULL || quota == guest) {
		if (terms->access == CAPS_READ_WRITE)
			take_off(guest, ":rw");
		return strchr(guest, ':') == NULL;
	}
	*quota = '\0';
	quota += sizeof mark - 1;
	if (terms->access != CAPS_READ_WRITE || strchr(guest, ':') != NULL)
		return false;
	if (*quota == '/')
		terms->shares = quota;
	return terms->shares != NULL || size_parse(quota, &terms->quota);
}

static bool limit_dir(struct caps *caps, const struct dir_terms *terms, const char *text,
                      struct error *err)
{
	if (terms->shares == NULL)
		return granted(caps_limit_dir(caps, terms->quota, terms->set_by), "--dir", text, err);
	return caps_share_limit(caps, terms->shares) == 0 ||
	       error_set(
	           err, ERROR_USAGE,
	           "--dir %s: no directory is granted as %s before it, whose quota it could share",
	           text, terms->shares);
}

/* The work directory of a step is the server's, which alone grants one of that name to it. */
static const char *who_limits(const struct grants *grants, const char *guest)
{
	if (!grants->are_of_step)
		return "its quota";
	return strcmp(guest, WORKDIR_GUEST) == 0 ? "--max-work" : "its quota in permissions.files";
}

static bool grant_dir(const struct grants *grants, struct caps *caps, const char *text,
                      struct error *err)
{
	struct dir_terms terms;
	cleanup_free char *host = strdup(text);
	if (host == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for --dir");

	/* The last one: a host's path is what it is, and may hold "::" itself. */
	char *guest = NULL;
	for (char *at = host; (at = strstr(at, "::")) != NULL; at++)
		guest = at;
	if (guest == NULL || guest == host || guest[2] == '\0' || !take_terms(guest + 2, &terms))
		return error_set(err, ERROR_USAGE,
		                 "--dir wants HOST::GUEST, and behind it :ro, :rw or :quota=BYTES, as "
		                 "./data::/data:ro, not \"%s\"",
		                 text);
	*guest = '\0';
	guest += 2;
	terms.set_by = who_limits(grants, guest);
	int result = caps_grant_dir(caps, host, guest, terms.access);
	if (result == -EEXIST)
		return error_set(err, ERROR_USAGE,
		                 "--dir %s: another directory is granted as %s already; give each a name "
		                 "of its own",
		                 text, guest);
	return granted(result, "--dir", text, err) && limit_dir(caps, &terms, text, err);
}

static bool grant_env(struct caps *caps, const char *text, struct error *err)
{
	cleanup_free char *name = strdup(text);
	if (name == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for --env");
	char *equals = strchr(name, '=');
	if (equals == NULL || equals == name)
		return error_set(err, ERROR_USAGE, "--env wants NAME=VALUE, not \"%s\"", text);
	*equals = '\0';
	return granted(caps_grant_env(caps, name, equals + 1), "--env", text, err);
}

static bool grant_clock(struct caps *caps, const char *text, struct error *err)
{
	static const struct {
		const char *name;
		enum caps_clock_mode mode;
	} modes[] = {
	    {"", CAPS_CLOCK_REAL},
	    {"real", CAPS_CLOCK_REAL},
	    {"coarse", CAPS_CLOCK_COARSE},
	    {"fixed", CAPS_CLOCK_FIXED},
	};
	static const char at[] = "fixed:";
	int64_t start_ns;
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (strcmp(modes[i].name, text) == 0)
			return granted(caps_grant_clock(caps, modes[i].mode, 0), "--clock", text, err);
	if (strncmp(text, at, sizeof at - 1) == 0) {
		if (!moment_parse(text + sizeof at - 1, &start_ns))
			return error_set(err, ERROR_USAGE,
			                 "--clock=fixed: wants a time, as fixed:2024-01-31T12:00:00Z, or "
			                 "seconds since 1970, not \"%s\"",
			                 text + sizeof at - 1);
		return granted(caps_grant_clock(caps, CAPS_CLOCK_FIXED, start_ns), "--clock", text, err);
	}
	return error_set(err, ERROR_USAGE, "--clock is real, coarse, fixed or fixed:TIME, not \"%s\"",
	                 text);
}

static bool grant_random(struct caps *caps, const char *text, struct error *err)
{
	uint64_t seed;
	if (*text == '\0')
		return granted(caps_grant_random(caps), "--random", "", err);
	if (!number_parse(text, &seed))
		return error_set(err, ERROR_USAGE, "--random wants a number as its seed, not \"%s\"", text);
	return granted(caps_grant_random_seeded(caps, seed), "--random", text, err);
}

static bool grant_output(struct caps *caps, enum caps_stream stream, uint64_t limit,
                         struct error *err)
{
	/* A stream that tiphys itself was started without stays closed for the guest. */
	int result =
	    caps_grant_output_fd(caps, stream, (int)stream, limit == 0 ? CAPS_OUTPUT_UNLIMITED : limit);
	return granted(result == -EBADF ? 0 : result, "standard output", "", err);
}

bool grants_apply(const struct grants *grants, struct caps *caps, struct error *err)
{
	if (grants->open_files != 0 &&
	    !granted(caps_limit_open_files(caps, (uint32_t)grants->open_files), "--open-files",
	             "is too low or too high", err))
		return false;
	if (grants->has_stdin) {
		int result = caps_grant_stdin_fd(caps, STDIN_FILENO);
		if (!granted(result == -EBADF ? 0 : result, "--stdin", "", err))
			return false;
	}
	if ((!grants->no_stdout && !grant_output(caps, CAPS_STDOUT, grants->stdout_limit, err)) ||
	    (!grants->no_stderr && !grant_output(caps, CAPS_STDERR, grants->stderr_limit, err)))
		return false;
	for (size_t i = 0; i < grants->dirs.count; i++)
		if (!grant_dir(grants, caps, grants->dirs.items[i], err))
			return false;
	for (size_t i = 0; i < grants->env.count; i++)
		if (!grant_env(caps, grants->env.items[i], err))
			return false;
	if (grants->clock != NULL && !grant_clock(caps, grants->clock, err))
		return false;
	return grants->random == NULL || grant_random(caps, grants->random, err);
}

bool grants_apply_args(struct caps *caps, const char *name, const struct operands *args,
                       struct error *err)
{
	if (!granted(caps_grant_arg(caps, name), "argument", name, err))
		return false;
	for (unsigned i = 0; i < args->count; i++)
		if (!granted(caps_grant_arg(caps, args->items[i]), "argument", args->items[i], err))
			return false;
	return true;
}
