/* Limits against hostile modules, all in one place. A module beyond one of them is refused at load
 * with ERROR_LIMIT, the limit's name and the byte offset. The defaults follow those of the
 * JavaScript API (WebAssembly/JS: appendix, implementation limits) where it has one.
 *
 * Row: constant suffix, name (for messages and --limit), default, highest that can be set (what the
 * engine's own encodings hold, interp/cell.h), what is counted. */
#ifndef VALIDATOR_LIMIT_H
#define VALIDATOR_LIMIT_H

#include <stdint.h>

#define LIMITS(X)                                                                                  \
	X(MODULE_BYTES, "module-bytes", UINT64_C(1) << 30, UINT32_MAX, "bytes in a module")            \
	X(TYPES, "types", 1000000, 1000000, "types")                                                   \
	X(SUBTYPE_DEPTH, "subtype-depth", 63, 63, "supertypes above a type")                           \
	X(FIELDS, "fields", 10000, 10000, "fields of a struct")                                        \
	X(FUNCTIONS, "functions", 1000000, 10000000, "functions")                                      \
	X(IMPORTS, "imports", 1000000, 10000000, "imports")                                            \
	X(EXPORTS, "exports", 1000000, 10000000, "exports")                                            \
	X(GLOBALS, "globals", 1000000, 10000000, "globals")                                            \
	X(TAGS, "tags", 1000000, 10000000, "tags")                                                     \
	X(TABLES, "tables", 100000, 100000, "tables")                                                  \
	X(MEMORIES, "memories", 100, 1000, "memories")                                                 \
	X(DATA_SEGMENTS, "data-segments", 1000000, 10000000, "data segments")                          \
	X(ELEM_SEGMENTS, "element-segments", 1000000, 10000000, "element segments")                    \
	X(ELEM_ITEMS, "element-items", 10000000, 100000000, "items in an element segment")             \
	X(PARAMS, "parameters", 1000, 1000, "parameters of a function")                                \
	X(RESULTS, "results", 1000, 1000, "results of a function")                                     \
	X(LOCALS, "locals", 50000, 50000, "locals of a function, parameters included")                 \
	X(BODY_BYTES, "body-bytes", 7654321, 64 << 20, "bytes in a function body")                     \
	X(NESTING, "nesting", 100000, 1000000, "nested blocks in a function")                          \
	X(FRAME_SLOTS, "frame-slots", 60000, 60000, "frame slots (locals and operands) of a function") \
	X(BR_TABLE_TARGETS, "br-table-targets", 1000000, 10000000, "targets of a br_table")            \
	X(NAME_BYTES, "name-bytes", 100000, 1 << 30, "bytes in a name")

enum load_limit {
#define X(id, name, value, highest, what) LOAD_LIMIT_##id,
	LIMITS(X)
#undef X
	    LOAD_LIMIT_COUNT
};

struct load_limit_row {
	const char *name;
	uint64_t value; /* the default */
	uint64_t highest;
	const char *what;
};

extern const struct load_limit_row load_limit_rows[LOAD_LIMIT_COUNT];

/* What a module is loaded under: one figure for each limit. */
struct load_limits {
	uint64_t of[LOAD_LIMIT_COUNT];
};

extern const struct load_limits load_limits_default;

/* The limit of that name, or LOAD_LIMIT_COUNT. */
enum load_limit load_limit_find(const char *name);

#endif
