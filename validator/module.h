/* validator: turns bytes into a const module, or says why not. This header is what the folder
 * gives; body.h offers the walk over a function's instructions that interp/ lowers from.
 *
 * module_load() decodes (spec: chapter 5) and validates (chapter 3) everything at once, function
 * bodies included. The module keeps pointers into the bytes: they must stay unchanged until
 * module_destroy(). After load a module never changes and may be shared between threads. */
#ifndef VALIDATOR_MODULE_H
#define VALIDATOR_MODULE_H

#include "validator/error.h"
#include "validator/feature.h"
#include "validator/limit.h"
#include "validator/types.h"

#include <stddef.h>

/* A piece of UTF-8 inside the module's bytes; not terminated. */
struct name {
	const char *data;
	uint32_t len;
};

bool name_is(struct name name, const char *text);

struct import {
	struct name module;
	struct name name;
	enum extern_kind kind;
	union {
		const struct functype *func;
		struct table_type table;
		struct memory_type memory;
		struct global_type global;
		const struct functype *tag;
	} type;
	uint32_t type_index; /* of a function or tag */
	uint32_t index;      /* in the index space of its kind */
};

struct export
{
	struct name name;
	enum extern_kind kind;
	uint32_t index;
};

struct func_decl {
	uint32_t type_index;
	uint32_t body_offset; /* of the locals vector; 0 for an imported function */
	uint32_t body_size;   /* bytes from there to behind the final `end` */
	bool is_declared;     /* may be named by ref.func (spec: C.refs) */
};

/* A constant expression that was validated: bytes [offset, offset + size) of the module. */
struct const_expr {
	uint32_t offset;
	uint32_t size;
};

struct table_decl {
	struct table_type type;
	struct const_expr init; /* size 0: null */
};

struct global_decl {
	struct global_type type;
	struct const_expr init; /* size 0 for an imported global */
	uint32_t slot;          /* own: slots of 8 bytes that the own globals before it take */
};

struct tag_decl {
	const struct functype *type; /* without results */
	uint32_t type_index;
};

enum segment_mode { SEGMENT_ACTIVE, SEGMENT_PASSIVE, SEGMENT_DECLARATIVE };

struct elem_segment {
	enum segment_mode mode;
	valtype type;
	uint32_t table;
	struct const_expr offset;
	uint32_t count;
	bool is_funcs;         /* items: function indices as LEB128; else constant expressions */
	uint32_t items_offset; /* byte offset of the first item */
};

struct data_segment {
	enum segment_mode mode;
	uint32_t memory;
	struct const_expr offset;
	uint32_t data_offset;
	uint32_t size;
};

struct custom_section {
	struct name name;
	uint32_t offset; /* of the contents, behind the name */
	uint32_t size;
};

/* A section as it stands in the file, for `inspect`. */
struct section {
	uint8_t id;
	uint32_t offset; /* of the contents */
	uint32_t size;
};

struct module {
	const uint8_t *bytes;
	size_t size;
	uint64_t features;         /* bits: what it was loaded with */
	struct load_limits limits; /* the same */

	struct section *sections;
	uint32_t section_count;
	struct functype *types;
	uint32_t type_count;
	struct type_def *defs; /* by type index too */
	bool types_differ;     /* no two are equal: each is its own canon */
	struct import *imports;
	uint32_t import_count;
	/* Index spaces: the imported ones first. */
	struct func_decl *funcs;
	uint32_t func_count;
	uint32_t imported_func_count;
	struct table_decl *tables;
	uint32_t table_count;
	uint32_t imported_table_count;
	struct memory_type *memories;
	uint32_t memory_count;
	uint32_t imported_memory_count;
	struct global_decl *globals;
	uint32_t global_count;
	uint32_t imported_global_count;
	struct tag_decl *tags;
	uint32_t tag_count;
	uint32_t imported_tag_count;
	uint32_t global_slots; /* that the own globals take together */
	struct export *exports;
	uint32_t export_count;
	struct elem_segment *elems;
	uint32_t elem_count;
	struct data_segment *datas;
	uint32_t data_count;
	struct custom_section *customs;
	uint32_t custom_count;
	bool has_data_count;
	bool has_start;
	uint32_t start;

	struct arena *arena; /* holds all of the above */
};

/* NULL options: all defaults (validator/limit.h), all features that are on by default. */
struct module_options {
	uint64_t features;                /* bits of FEATURE_…; 0: FEATURES_DEFAULT */
	const struct load_limits *limits; /* NULL: the defaults; none above its row's highest */
	unsigned threads; /* that validate bodies at once, the caller among them; 0: it alone */
};

#define MODULE_THREADS_MAX 16
/* As many as there are processors that the process may use, up to MODULE_THREADS_MAX. */
#define MODULE_THREADS_ALL UINT32_MAX

/* Decodes and validates. NULL on failure: ERROR_MALFORMED, ERROR_INVALID, ERROR_UNSUPPORTED (with
 * err->feature), ERROR_LIMIT or ERROR_NO_MEMORY, with byte offset and function index. */
struct module *module_load(const uint8_t *bytes, size_t size, const struct module_options *options,
                           struct error *err);
void module_destroy(struct module *module);

/* What is long to find out about a large module, kept from an earlier load (interp/image.h). Holds
 * no pointers. */
struct module_parts {
	struct func_decl *funcs; /* the whole index space */
	struct elem_segment *elems;
	struct data_segment *datas;
	uint32_t func_count;
	uint32_t elem_count;
	uint32_t data_count;
	bool types_differ;
};

/* Loads bytes again that module_load() took before under the same options: what `parts` hold is
 * taken from there, and neither decoded nor validated. The parts are borrowed until
 * module_destroy(). For bytes or parts of any other origin nothing is promised. */
struct module *module_load_again(const uint8_t *bytes, size_t size,
                                 const struct module_options *options,
                                 const struct module_parts *parts, struct error *err);

/* Of the function index space; the import's for an imported function. */
static inline const struct functype *module_func_type(const struct module *module, uint32_t func)
{
	return &module->types[module->funcs[func].type_index];
}
const struct import *module_func_import(const struct module *module, uint32_t func);

const struct export *module_find_export(const struct module *module, const char *name, size_t len);

/* The function's name: from the `name` section, else its export, else its import; else an empty
 * name. A broken name section counts as none (spec: appendix, custom sections). Borrowed. */
struct name module_func_name(const struct module *module, uint32_t func);

/* The same for several: the name section is gone through once. */
struct func_name {
	uint32_t func;
	struct name name; /* filled in */
	bool is_known;    /* starts as false */
};
void module_func_names(const struct module *module, struct func_name *wanted, uint32_t count);

/* The section's name as the specification has it ("type", "code", …). */
const char *section_id_name(uint8_t id);

#endif
