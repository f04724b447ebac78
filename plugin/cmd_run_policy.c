/* tiphys run-policy FILE run … : what `tiphys run --policy FILE` hands over. The policy becomes
 * options of `tiphys run`, which is started anew; they cross by a descriptor, where no argument is
 * too long and nobody reads a variable's value in a list of processes. What the command line grants
 * stands behind them, and so is added to them or takes their place. */
#include "plugin/command.h"
#include "plugin/handover.h"
#include "plugin/options.h"
#include "plugin/policy_words.h"

#include "caps/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct run_policy_options {
	uint64_t operands;
};

static const struct option rows[] = {
    OPTION_NUMBER(struct run_policy_options, operands, "operands", "N", 0, INT32_MAX,
                  "words at the end that are the module and its arguments"),
};

static const struct command_line line = {
    .name = "run-policy",
    .operands = "FILE run …",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 2,
    .operands_max = OPERANDS_ANY,
    .stops_at_operand = true,
};

/* The policy's options, those that were typed, the module, the policy's arguments, those typed. */
static bool put_together(struct policy_words *words, const struct policy *policy, char **typed,
                         size_t count, size_t operands, struct error *err)
{
	size_t options = count - operands;
	bool ok = policy_words_add(words, policy, err);
	if (ok && policy->limits.time_ms > 0)
		ok = policy_word(words, err, "--timeout=%" PRIu64 "ms", policy->limits.time_ms);
	for (size_t i = 0; ok && i < options; i++)
		ok = policy_word(words, err, "%s", typed[i]);
	if (ok && operands > 0)
		ok = policy_word(words, err, "%s", typed[options]);
	for (size_t i = 0; ok && i < policy->args.count; i++)
		ok = policy_word(words, err, "%s", policy->args.items[i].text);
	for (size_t i = options + 1; ok && i < count; i++)
		ok = policy_word(words, err, "%s", typed[i]);
	return ok;
}

/* A descriptor that reads the words, each ended by a NUL; -1 with *err set. */
static int descriptor_of(const struct policy_words *words, struct error *err)
{
	cleanup_close int fd = memfd_create("options of a run", 0);
	for (size_t i = 0; fd >= 0 && i < words->count; i++) {
		const char *at = words->items[i];
		size_t left = strlen(at) + 1;
		while (left > 0) {
			ssize_t done = write(fd, at, left);
			if (done < 0) {
				error_put_errno(err, errno, "the options of the run");
				return -1;
			}
			at += done;
			left -= (size_t)done;
		}
	}
	if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0)
		error_put_errno(err, errno, "the options of the run");
	return err->kind == ERROR_NONE ? take_fd(&fd) : -1;
}

static int failed(const struct error *err)
{
	fprintf(stderr, "tiphys run: %s\n", err->message);
	return error_exit_status(err->kind);
}

int cmd_run_policy(int argc, char **argv)
{
	struct run_policy_options options = {0};
	struct operands operands;
	int status;
	if (!options_take(&line, argc, argv, &options, &operands, &status))
		return status;
	cleanup_policy struct policy policy = {0};
	cleanup_policy_words struct policy_words words = {0};
	struct error err = ERROR_INIT;
	size_t typed = operands.count - 2;
	if (strcmp(operands.items[1], "run") != 0 || options.operands > typed)
		error_set(&err, ERROR_USAGE, "run-policy is for tiphys itself");
	else if (policy_load(operands.items[0], POLICY_GRANTS, &policy, &err))
		put_together(&words, &policy, operands.items + 2, typed, options.operands, &err);
	int fd = err.kind == ERROR_NONE ? descriptor_of(&words, &err) : -1;
	if (fd < 0)
		return failed(&err);
	char number[16], run[] = "run", option[] = "--args-from";
	snprintf(number, sizeof number, "%d", fd);
	return handover(command_find("run")->executable, (char *[]){run, option, number, NULL});
}
