#include "plugin/moment.h"

#include "plugin/quantity.h"

#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ll

/* The digits at `text` as a number; false when one is none. */
static bool digits(const char *text, size_t count, int *number)
{
	*number = 0;
	for (size_t i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*number = 10 * *number + (text[i] - '0');
	}
	return true;
}

static bool parse_date(const char *text, int64_t *seconds)
{
	static const char form[] = "....-..-..T..:..:..Z";
	struct tm tm = {0};
	if (strlen(text) != sizeof form - 1)
		return false;
	for (size_t i = 0; i < sizeof form - 1; i++) {
		if (form[i] != '.' && text[i] != form[i])
			return false;
	}
	if (!digits(text, 4, &tm.tm_year) || !digits(text + 5, 2, &tm.tm_mon) ||
	    !digits(text + 8, 2, &tm.tm_mday) || !digits(text + 11, 2, &tm.tm_hour) ||
	    !digits(text + 14, 2, &tm.tm_min) || !digits(text + 17, 2, &tm.tm_sec))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	struct tm made = tm;
	*seconds = timegm(&made);
	/* What timegm() had to mend was no such day or time. */
	return *seconds >= 0 && made.tm_mon == tm.tm_mon && made.tm_mday == tm.tm_mday &&
	       made.tm_hour == tm.tm_hour && made.tm_min == tm.tm_min && made.tm_sec == tm.tm_sec;
}

bool moment_parse(const char *text, int64_t *ns)
{
	uint64_t number;
	int64_t seconds;
	if (number_parse(text, &number)) {
		if (number > INT64_MAX)
			return false;
		seconds = (int64_t)number;
	} else if (!parse_date(text, &seconds)) {
		return false;
	}
	return !__builtin_mul_overflow(seconds, NS_PER_S, ns);
}
