/* Limits against hostile modules, all in one place. A module beyond one of them is refused at load
 * with ERROR_LIMIT, the limit's name and the byte offset. The figures follow those of the JavaScript
 * API (WebAssembly/JS: appendix, implementation limits) where it has one.
 *
 * Row: constant suffix, value, what is counted. */
#ifndef VALIDATOR_LIMIT_H
#define VALIDATOR_LIMIT_H

#include <stdint.h>

#define LIMITS(X)                                                                                  \
	X(MODULE_BYTES, UINT64_C(1) << 30, "bytes in a module")                                        \
	X(TYPES, 1000000, "types")                                                                     \
	X(SUBTYPE_DEPTH, 63, "supertypes above a type")                                                \
	X(FIELDS, 10000, "fields of a struct")                                                         \
	X(FUNCTIONS, 1000000, "functions")                                                             \
	X(IMPORTS, 1000000, "imports")                                                                 \
	X(EXPORTS, 1000000, "exports")                                                                 \
	X(GLOBALS, 1000000, "globals")                                                                 \
	X(TAGS, 1000000, "tags")                                                                       \
	X(TABLES, 100000, "tables")                                                                    \
	X(MEMORIES, 100, "memories")                                                                   \
	X(DATA_SEGMENTS, 1000000, "data segments")                                                     \
	X(ELEM_SEGMENTS, 1000000, "element segments")                                                  \
	X(ELEM_ITEMS, 10000000, "items in an element segment")                                         \
	X(PARAMS, 1000, "parameters of a function")                                                    \
	X(RESULTS, 1000, "results of a function")                                                      \
	X(LOCALS, 50000, "locals of a function, parameters included")                                  \
	X(BODY_BYTES, 7654321, "bytes in a function body")                                             \
	X(NESTING, 100000, "nested blocks in a function")                                              \
	X(FRAME_SLOTS, 60000, "frame slots (locals and operands) of a function")                       \
	X(BR_TABLE_TARGETS, 1000000, "targets of a br_table")                                          \
	X(NAME_BYTES, 100000, "bytes in a name")

#define X(id, value, what) static const uint64_t LIMIT_##id = (value);
LIMITS(X)
#undef X

#endif
