#include "plugin/scalar.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *real_to_string(double value)
{
	char text[400];
	double size = fabs(value);
	bool plain = size == 0 || (size >= 1e-6 && size < 1e21);
	if (!plain) {
		for (int digits = 1; digits <= 17; digits++) {
			snprintf(text, sizeof text, "%.*g", digits, value);
			if (strtod(text, NULL) == value)
				break;
		}
		return json_string(text);
	}
	for (int digits = 0; digits <= 24; digits++) {
		snprintf(text, sizeof text, "%.*f", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return json_string(text);
}

json_t *scalar_to_string(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return json_stringn(json_string_value(value), json_string_length(value));
	case JSON_INTEGER: {
		char text[32];
		snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return json_string(text);
	}
	case JSON_REAL:
		return real_to_string(json_real_value(value));
	case JSON_TRUE:
		return json_string("true");
	case JSON_FALSE:
		return json_string("false");
	default:
		return NULL;
	}
}

const char *json_kind(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	default:
		return "null";
	}
}
