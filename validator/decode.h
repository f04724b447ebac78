/* Inside validator/: what decoding and validation share. */
#ifndef VALIDATOR_DECODE_H
#define VALIDATOR_DECODE_H

#include "validator/alloc.h"
#include "validator/reader.h"

/* Section ids (spec: 5.5.2), in the order in which they may stand. */
#define SECTIONS(X)                                                                                \
	X(CUSTOM, 0, "custom", 0)                                                                      \
	X(TYPE, 1, "type", 1)                                                                          \
	X(IMPORT, 2, "import", 2)                                                                      \
	X(FUNCTION, 3, "function", 3)                                                                  \
	X(TABLE, 4, "table", 4)                                                                        \
	X(MEMORY, 5, "memory", 5)                                                                      \
	X(TAG, 13, "tag", 6)                                                                           \
	X(GLOBAL, 6, "global", 7)                                                                      \
	X(EXPORT, 7, "export", 8)                                                                      \
	X(START, 8, "start", 9)                                                                        \
	X(ELEMENT, 9, "element", 10)                                                                   \
	X(DATA_COUNT, 12, "data count", 11)                                                            \
	X(CODE, 10, "code", 12)                                                                        \
	X(DATA, 11, "data", 13)

enum section_id {
#define X(id, code, name, order) SECTION_##id = code,
	SECTIONS(X)
#undef X
};

/* A module while it is being loaded. */
struct loader {
	struct module *module;
	uint64_t features;
	uint32_t declared_data_count;
	uint32_t body_count;              /* bodies that the code section brought */
	const struct module_parts *parts; /* NULL: everything is decoded */
	uint32_t import_room;             /* of module->imports while they are read */
	struct body_scratch *scratch;
};

static inline bool has_feature(uint64_t features, enum feature feature)
{
	return (features & FEATURES_IMPLEMENTED) >> feature & 1;
}

/* ERROR_UNSUPPORTED: `what` at `offset` needs a feature that is off or not implemented. */
void missing_feature(enum feature feature, uint64_t offset, const char *what, struct error *err);

static inline bool need_feature(uint64_t features, enum feature feature, uint64_t offset,
                                const char *what, struct error *err)
{
	if (has_feature(features, feature))
		return true;
	missing_feature(feature, offset, what, err);
	return false;
}

/* Every decode_… reads the contents of one section, which `r` spans, and checks what can be checked
 * without looking at later sections. */
bool decode_type_section(struct loader *l, struct reader *r, struct error *err);
bool decode_import_section(struct loader *l, struct reader *r, struct error *err);
bool decode_function_section(struct loader *l, struct reader *r, struct error *err);
bool decode_table_section(struct loader *l, struct reader *r, struct error *err);
bool decode_memory_section(struct loader *l, struct reader *r, struct error *err);
bool decode_tag_section(struct loader *l, struct reader *r, struct error *err);
bool decode_global_section(struct loader *l, struct reader *r, struct error *err);
bool decode_export_section(struct loader *l, struct reader *r, struct error *err);
bool decode_start_section(struct loader *l, struct reader *r, struct error *err);
bool decode_element_section(struct loader *l, struct reader *r, struct error *err);
bool decode_data_count_section(struct loader *l, struct reader *r, struct error *err);
bool decode_code_section(struct loader *l, struct reader *r, struct error *err);
bool decode_data_section(struct loader *l, struct reader *r, struct error *err);

/* ---- decode.c, for decode_imports.c ---- */

/* Grows an arena array (a pointer's address) from `old` to `count` elements; the arena keeps the
 * old one until its end. */
bool extend_elements(struct loader *l, void *array_pointer, uint32_t old, uint64_t count,
                     size_t size, struct error *err);
/* How many elements a section announces, and room for them behind the `old` ones, which count for
 * the limit as well. */
bool begin_elements(struct loader *l, struct reader *r, enum load_limit limit, const char *what,
                    void *array_pointer, uint32_t old, size_t size, uint32_t *count,
                    struct error *err);
/* A type index that names a function type. */
bool decode_type_index(struct loader *l, struct reader *r, uint32_t *out, struct error *err);
/* What stands in the tag section, and for an imported tag. */
bool decode_tag_type(struct loader *l, struct reader *r, uint32_t *type, struct error *err);

/* ---- for all ---- */

/* A value type (spec: 5.3.5) or a reference type alone. */
bool decode_valtype(struct reader *r, const struct module *m, valtype *out, struct error *err);
bool decode_reftype(struct reader *r, const struct module *m, valtype *out, struct error *err);
/* A heap type as ref.null names it; *out is the nullable reference type to it. */
bool decode_heaptype(struct reader *r, const struct module *m, valtype *out, struct error *err);

/* An element count of a vector, refused when it and the `used` ones before it are beyond the
 * module's limit, and beyond what the section's remaining bytes can hold, so that a count never
 * makes a large allocation on its own. `what` is counted ("types", …). */
bool decode_count(struct reader *r, const struct module *m, enum load_limit limit, uint64_t used,
                  const char *what, uint32_t *out, struct error *err);

/* ERROR_LIMIT when `count` is beyond the module's limit. */
bool check_limit(const struct module *m, enum load_limit limit, uint64_t count, uint32_t offset,
                 const char *what, struct error *err);

static inline bool no_memory(struct error *err)
{
	return error_set(err, ERROR_NO_MEMORY, "out of memory");
}

#endif
