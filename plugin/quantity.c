#include "plugin/quantity.h"

#include <string.h>

bool number_parse(const char *text, uint64_t *number)
{
	uint64_t value = 0;
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	}
	*number = value;
	return true;
}

bool size_parse(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMG";
	char digits[32];
	size_t len = strlen(text);
	unsigned shift = 0;

	if (len == 0 || len >= sizeof digits)
		return false;
	memcpy(digits, text, len + 1);
	const char *unit = strchr(units, digits[len - 1]);
	if (unit != NULL) {
		shift = 10 * (unsigned)(unit - units + 1);
		digits[len - 1] = '\0';
	}
	uint64_t value;
	if (!number_parse(digits, &value) || value > UINT64_MAX >> shift)
		return false;
	*bytes = value << shift;
	return true;
}

bool duration_parse(const char *text, uint64_t *ms)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	char number[24];
	size_t len = strspn(text, "0123456789");
	if (len == 0 || len >= sizeof number)
		return false;
	memcpy(number, text, len);
	number[len] = '\0';
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(text + len, units[i].name) == 0)
			return number_parse(number, ms) && !__builtin_mul_overflow(*ms, units[i].ms, ms) &&
			       *ms <= DURATION_MAX_MS;
	}
	return false;
}
