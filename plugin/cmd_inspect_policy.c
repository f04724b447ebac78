/* tiphys inspect-policy FILE inspect …: what `tiphys inspect --policy FILE` hands over. The policy
 * becomes the names of what it grants, with :ro where that is to read alone. */
#include "plugin/command.h"
#include "plugin/handover.h"
#include "plugin/options.h"
#include "plugin/policy.h"

#include "caps/cleanup.h"

#include <stdio.h>
#include <string.h>

struct inspect_policy_options {
	uint64_t operands;
};

static const struct option rows[] = {
    OPTION_NUMBER(struct inspect_policy_options, operands, "operands", "N", 0, INT32_MAX,
                  "words at the end that are no options"),
};

static const struct command_line line = {
    .name = "inspect-policy",
    .operands = "FILE inspect …",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 2,
    .operands_max = OPERANDS_ANY,
    .stops_at_operand = true,
};

#define NAMES_SIZE 512

static void list_names(const struct policy *policy, char names[NAMES_SIZE])
{
	*names = '\0';
	for (int id = 0; id < CAPABILITY_COUNT; id++) {
		if (policy_grants(policy, (enum capability)id)) {
			strncat(names, *names != '\0' ? "," : "", NAMES_SIZE - strlen(names) - 1);
			strncat(names, capability_row((enum capability)id)->name,
			        NAMES_SIZE - strlen(names) - 1);
			if (policy_grants_reading_alone(policy, (enum capability)id))
				strncat(names, ":ro", NAMES_SIZE - strlen(names) - 1);
		}
	}
}

int cmd_inspect_policy(int argc, char **argv)
{
	struct inspect_policy_options options = {0};
	struct operands operands;
	int status;
	if (!options_take(&line, argc, argv, &options, &operands, &status))
		return status;
	cleanup_policy struct policy policy = {0};
	struct error err = ERROR_INIT;
	char names[NAMES_SIZE], option[] = "--granted";
	cleanup_free char **words = calloc(operands.count + 3, sizeof *words);
	if (words == NULL)
		error_set(&err, ERROR_NO_MEMORY, "no memory");
	else
		policy_load(operands.items[0], POLICY_GRANTS, &policy, &err);
	if (err.kind != ERROR_NONE) {
		fprintf(stderr, "tiphys inspect: %s\n", err.message);
		return error_exit_status(err.kind);
	}
	list_names(&policy, names);
	words[0] = operands.items[1];
	words[1] = option;
	words[2] = names;
	memcpy(words + 3, operands.items + 2, (operands.count - 2) * sizeof *words);
	return handover(command_find("inspect")->executable, words);
}
