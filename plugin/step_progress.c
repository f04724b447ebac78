#include "plugin/step_progress.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

/* More would not fit Argo's int64. */
#define DIGITS_MAX 18

/* False when there is no number at *at, or one that is too long. */
static bool take_number(const char *text, size_t size, size_t *at, uint64_t *value)
{
	size_t start = *at;
	*value = 0;
	for (; *at < size && text[*at] >= '0' && text[*at] <= '9'; ++*at) {
		if (*at - start == DIGITS_MAX)
			return false;
		*value = *value * 10 + (uint64_t)(text[*at] - '0');
	}
	return *at > start;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool step_progress_parse(const char *text, size_t size, char progress[STEP_PROGRESS_SIZE])
{
	uint64_t n, m;
	size_t at = 0;
	while (size > 0 && is_space(text[size - 1]))
		size--;
	while (at < size && is_space(text[at]))
		at++;
	if (!take_number(text, size, &at, &n) || at == size || text[at++] != '/' ||
	    !take_number(text, size, &at, &m) || at != size || m == 0 || n > m)
		return false;
	snprintf(progress, STEP_PROGRESS_SIZE, "%" PRIu64 "/%" PRIu64, n, m);
	return true;
}
