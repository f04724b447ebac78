/* A script of the official suite, converted to JSON (wasm-tools json-from-wast), as C data.
 *
 * Strings are borrowed from the JSON document that the script owns; names may hold NUL and are
 * given with their length where the guest sees them. */
#ifndef SPEC_TESTS_SCRIPT_H
#define SPEC_TESTS_SCRIPT_H

#include "validator/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Row: constant suffix, word in the JSON, is an assertion. */
#define SCRIPT_COMMANDS(X)                                                                         \
	X(MODULE, "module", 0)                                                                         \
	X(MODULE_DEFINITION, "module_definition", 0)                                                   \
	X(MODULE_INSTANCE, "module_instance", 0)                                                       \
	X(REGISTER, "register", 0)                                                                     \
	X(ACTION, "action", 0)                                                                         \
	X(ASSERT_RETURN, "assert_return", 1)                                                           \
	X(ASSERT_TRAP, "assert_trap", 1)                                                               \
	X(ASSERT_EXHAUSTION, "assert_exhaustion", 1)                                                   \
	X(ASSERT_EXCEPTION, "assert_exception", 1)                                                     \
	X(ASSERT_INVALID, "assert_invalid", 1)                                                         \
	X(ASSERT_MALFORMED, "assert_malformed", 1)                                                     \
	X(ASSERT_UNLINKABLE, "assert_unlinkable", 1)                                                   \
	X(ASSERT_UNINSTANTIABLE, "assert_uninstantiable", 1)                                           \
	X(ASSERT_MALFORMED_CUSTOM, "assert_malformed_custom", 1)                                       \
	X(ASSERT_INVALID_CUSTOM, "assert_invalid_custom", 1)

enum command_type {
#define X(id, word, is_assertion) COMMAND_##id,
	SCRIPT_COMMANDS(X)
#undef X
	    COMMAND_TYPE_COUNT
};

const char *command_word(enum command_type type);
bool command_is_assertion(enum command_type type);

/* Row: constant suffix, word in the JSON. */
#define SCRIPT_TYPES(X)                                                                            \
	X(I32, "i32")                                                                                  \
	X(I64, "i64")                                                                                  \
	X(F32, "f32")                                                                                  \
	X(F64, "f64")                                                                                  \
	X(V128, "v128")                                                                                \
	X(FUNCREF, "funcref")                                                                          \
	X(EXTERNREF, "externref")                                                                      \
	X(ANYREF, "anyref")                                                                            \
	X(EQREF, "eqref")                                                                              \
	X(I31REF, "i31ref")                                                                            \
	X(STRUCTREF, "structref")                                                                      \
	X(ARRAYREF, "arrayref")                                                                        \
	X(EXNREF, "exnref")                                                                            \
	X(NULLREF, "nullref")                                                                          \
	X(NULLFUNCREF, "nullfuncref")                                                                  \
	X(NULLEXTERNREF, "nullexternref")                                                              \
	X(NULLEXNREF, "nullexnref")                                                                    \
	X(REFNULL, "refnull")                                                                          \
	X(EITHER, "either")

enum script_type {
#define X(id, word) SCRIPT_##id,
	SCRIPT_TYPES(X)
#undef X
	    SCRIPT_TYPE_COUNT
};

const char *script_type_word(enum script_type type);

/* What a value must look like. */
enum pattern {
	PATTERN_EXACT,          /* these bits, or this host number */
	PATTERN_NAN_CANONICAL,  /* either sign, payload only the quiet bit */
	PATTERN_NAN_ARITHMETIC, /* either sign, any payload with the quiet bit */
	PATTERN_NULL,
	PATTERN_ANY, /* no value given: any non-null reference; any number */
};

#define FLOAT_LANES_MAX 4

struct script_value {
	enum script_type type;
	enum pattern pattern;                  /* of a scalar or reference */
	uint64_t bits;                         /* integer, float bits, host number */
	enum script_type lane_type;            /* v128: F32 or F64 lanes may be patterns, else I64 */
	uint8_t lane_bytes;                    /* v128: 1, 2, 4 or 8 */
	uint8_t lane_pattern[FLOAT_LANES_MAX]; /* v128 of floats: enum pattern for each lane */
	uint8_t v128[16];                      /* little endian */
	struct script_value *choices;          /* either */
	size_t choice_count;
};

struct script_name {
	const char *data; /* terminated too; NULL when absent */
	size_t len;
};

struct command {
	enum command_type type;
	int line;                /* in the .wast */
	bool is_text;            /* the module stands only as text */
	const char *filename;    /* binary module beside the script; the text when is_text */
	const char *text;        /* the words a message must have; NULL when none are given */
	struct script_name name; /* module's name; module_instance: the definition's */
	struct script_name as;   /* register: the name to import from; module_instance: own name */

	bool is_get;               /* action: reads a global instead of calling */
	struct script_name module; /* action: on this module instead of the latest */
	struct script_name field;
	struct script_value *args;
	size_t arg_count;

	bool has_expected;
	struct script_value *expected;
	size_t expected_count;
};

struct script {
	char *dir;   /* where its modules are, with a slash at the end */
	char *title; /* "group/name", for people and for the list of expected counts */
	struct command *commands;
	size_t command_count;
	void *json;
	void *pool;
};

/* Reads path ("…/GROUP/NAME/NAME.json"). NULL with an error that names file, command and line when
 * it is no script, or has a command or value this runner does not know: nothing is left out. */
struct script *script_load(const char *path, struct error *err);
void script_destroy(struct script *script);

#endif
