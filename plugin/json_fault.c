#include "plugin/json_fault.h"

#include "validator/printable.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The library's words tell this one alone, which is what texts put together by hand suffer from. */
static bool is_unescaped(const char *text)
{
	return strncmp(text, "unexpected newline", 18) == 0 ||
	       strncmp(text, "control character", 17) == 0;
}

static const char *what(const json_error_t *fault)
{
	if (is_unescaped(fault->text))
		return "a string holds a line break or another control character as it is; escape it, as "
		       "\\n";
	switch (json_error_code(fault)) {
	case json_error_out_of_memory:
		return "there is no memory to read it";
	case json_error_stack_overflow:
		return "it nests too deep";
	case json_error_invalid_utf8:
		return "a string is not UTF-8; encode other bytes, as base64";
	case json_error_premature_end_of_input:
		return "it ends too early: a bracket, a quote or a value is missing";
	case json_error_end_of_input_expected:
		return "something stands behind its end";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a string holds the character \\u0000, which is not taken";
	case json_error_duplicate_key:
		return "a key stands twice in one object";
	case json_error_numeric_overflow:
		return "a number is too large; write it as a string";
	default:
		return "a quote, comma, colon, bracket or value is missing or wrong";
	}
}

const char *json_fault_words(const json_error_t *fault, char words[JSON_FAULT_SIZE])
{
	static const char mark[] = " near '";
	char shown[80];
	/* The library ends with what it read last, where there is any. */
	const char *near = strstr(fault->text, mark);
	if (near == NULL) {
		snprintf(words, JSON_FAULT_SIZE, "line %d, column %d: %s", fault->line, fault->column,
		         what(fault));
		return words;
	}
	printable_ascii(near + sizeof mark - 1, shown, sizeof shown);
	size_t size = strlen(shown);
	if (size > 0 && shown[size - 1] == '\'')
		shown[size - 1] = '\0';
	snprintf(words, JSON_FAULT_SIZE, "line %d, column %d: %s, at %s", fault->line, fault->column,
	         what(fault), shown);
	return words;
}
