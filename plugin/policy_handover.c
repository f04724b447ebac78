#include "plugin/policy_handover.h"

#include "caps/cleanup.h"
#include "plugin/command.h"
#include "plugin/handover.h"

#include <string.h>

/* Whether the word is, or holds behind its '=', the option's value: the very bytes, since another
 * option's value may read the same. */
static bool holds(const char *word, const char *value)
{
	return value >= word && value <= word + strlen(word);
}

/* COMMAND --operands N -- FILE, then argv without the --policy itself */
int policy_handover(const char *command, const struct option_texts *policies, int argc, char **argv,
                    const struct operands *operands)
{
	char count[16];
	int handed = 0;
	if (policies->count > 1) {
		fprintf(stderr, "tiphys %s: --policy is given twice; one is all there can be\n", argv[0]);
		return 2;
	}
	const char *policy = policies->items[0];
	cleanup_free char **words = calloc((size_t)argc + 6, sizeof *words);
	if (words == NULL) {
		fprintf(stderr, "tiphys %s: no memory\n", argv[0]);
		return 1;
	}
	snprintf(count, sizeof count, "%u", operands->count);
	words[handed++] = (char *)(uintptr_t)command;
	words[handed++] = (char[]){"--operands"};
	words[handed++] = count;
	words[handed++] = (char[]){"--"};
	words[handed++] = (char *)(uintptr_t)policy;
	for (int i = 0; i < argc; i++) {
		bool is_split = i + 1 < argc && argv[i + 1] == policy;
		if (is_split)
			i++;
		else if (!holds(argv[i], policy))
			words[handed++] = argv[i];
	}
	return handover(command_find(command)->executable, words);
}
