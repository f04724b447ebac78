/* A policy as the options and operands of `tiphys run`: the form in which it crosses to the slim
 * executable, which reads no documents. */
#ifndef PLUGIN_POLICY_WORDS_H
#define PLUGIN_POLICY_WORDS_H

#include "plugin/policy.h"

/* Starts as {0}. */
struct policy_words {
	char **items;
	size_t count, room;
};

void policy_words_clear(struct policy_words *words);
#define cleanup_policy_words __attribute__((cleanup(policy_words_clear)))

/* Appends a word; false with *err set without memory. */
__attribute__((format(printf, 3, 4))) bool policy_word(struct policy_words *words,
                                                       struct error *err, const char *fmt, ...);

/* Appends the options for all that was given but args and limits.time. */
bool policy_words_add(struct policy_words *words, const struct policy *policy, struct error *err);

#endif
