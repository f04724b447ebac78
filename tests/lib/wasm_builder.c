#include "tests/lib/wasm_builder_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void wasm_die(const char *what, const char *about)
{
	fprintf(stderr, "wasm_builder: %s: %s\n", what, about);
	abort();
}

/* ---- bytes ---- */

void bytes_put(struct bytes *b, const void *data, size_t size)
{
	if (size > b->room - b->size) {
		size_t room = b->room * 2 > b->size + size ? b->room * 2 : b->size + size + 64;
		b->data = realloc(b->data, room);
		if (b->data == NULL)
			wasm_die("out of memory", "bytes");
		b->room = room;
	}
	if (size > 0)
		memcpy(b->data + b->size, data, size);
	b->size += size;
}

void bytes_byte(struct bytes *b, unsigned byte)
{
	uint8_t value = (uint8_t)byte;
	bytes_put(b, &value, 1);
}

void bytes_u(struct bytes *b, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		bytes_byte(b, (unsigned)(value & 0x7f) | 0x80);
	bytes_byte(b, (unsigned)value);
}

void bytes_s(struct bytes *b, int64_t value)
{
	for (; value < -64 || value > 63; value >>= 7)
		bytes_byte(b, (unsigned)(value & 0x7f) | 0x80);
	bytes_byte(b, (unsigned)value & 0x7f);
}

void bytes_name(struct bytes *b, const char *name)
{
	bytes_u(b, strlen(name));
	bytes_put(b, name, strlen(name));
}

void bytes_sized(struct bytes *b, struct bytes *contents)
{
	bytes_u(b, contents->size);
	bytes_put(b, contents->data, contents->size);
	bytes_free(contents);
}

void bytes_free(struct bytes *b)
{
	free(b->data);
	*b = (struct bytes){0};
}

/* ---- types ---- */

static const struct {
	char letter;
	uint8_t code;
	valtype type;
	const char *name;
} types[] = {
    {'i', 0x7f, VAL_I32, "i32"},
    {'I', 0x7e, VAL_I64, "i64"},
    {'f', 0x7d, VAL_F32, "f32"},
    {'F', 0x7c, VAL_F64, "f64"},
    {'v', 0x7b, VAL_V128, "v128"},
    {'c', 0x70, VAL_FUNCREF, "funcref"},
    {'r', 0x6f, VAL_EXTERNREF, "externref"},
    {'a', 0x6e, VAL_REF | VAL_NULLABLE | (valtype)HEAP_ANY, "anyref"},
    {'x', 0x69, VAL_REF | VAL_NULLABLE | (valtype)HEAP_EXN, "exnref"},
};
#define TYPES (sizeof types / sizeof *types)

uint8_t type_code(char letter)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].letter == letter)
			return types[i].code;
	wasm_die("no type has this letter", (const char[]){letter, '\0'});
}

valtype type_of_letter(char letter)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].letter == letter)
			return types[i].type;
	wasm_die("no type has this letter", (const char[]){letter, '\0'});
}

bool type_code_by_name(const char *name, uint8_t *code)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (strcmp(name, types[i].name) == 0) {
			*code = types[i].code;
			return true;
		}
	}
	return false;
}

char letter_of_type(valtype type)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].type == type)
			return types[i].letter;
	char name[32];
	wasm_die("no letter for this type", valtype_name(type, name));
}

/* ---- modules ---- */

static struct bytes *add_to(struct wasm *w, enum section_id section)
{
	w->counts[section]++;
	return &w->contents[section];
}

uint32_t wasm_type(struct wasm *w, const char *signature)
{
	const char *results = strchr(signature, '_');
	if (results == NULL)
		wasm_die("a signature is params_results", signature);
	struct bytes type = {0};
	bytes_byte(&type, 0x60);
	bytes_u(&type, (size_t)(results - signature));
	for (const char *p = signature; p < results; p++)
		bytes_byte(&type, type_code(*p));
	bytes_u(&type, strlen(results + 1));
	for (const char *p = results + 1; *p != '\0'; p++)
		bytes_byte(&type, type_code(*p));

	/* Types are short and few: compare with each that is there. */
	const struct bytes *all = &w->contents[SECTION_TYPE];
	size_t at = w->first_types_size;
	for (uint32_t i = w->first_types; i < w->counts[SECTION_TYPE]; i++) {
		struct reader r = {
		    .base = all->data, .pos = all->data + at + 1, .end = all->data + all->size};
		struct error err = ERROR_INIT;
		uint32_t count;
		for (int part = 0; part < 2; part++)
			if (read_u32(&r, &count, &err))
				r.pos += count;
		size_t end = reader_offset(&r);
		if (end - at == type.size && memcmp(all->data + at, type.data, type.size) == 0) {
			bytes_free(&type);
			return i;
		}
		at = end;
	}
	bytes_put(add_to(w, SECTION_TYPE), type.data, type.size);
	bytes_free(&type);
	return w->counts[SECTION_TYPE] - 1;
}

void wasm_first_types(struct wasm *w, const void *code, size_t size, uint32_t count)
{
	if (w->counts[SECTION_TYPE] != 0)
		wasm_die("other types are there", "wasm_first_types");
	bytes_put(&w->contents[SECTION_TYPE], code, size);
	w->counts[SECTION_TYPE] = w->first_types = count;
	w->first_types_size = size;
}

static struct bytes *add_import(struct wasm *w, const char *module, const char *name,
                                enum extern_kind kind)
{
	struct bytes *b = add_to(w, SECTION_IMPORT);
	bytes_name(b, module);
	bytes_name(b, name);
	bytes_byte(b, kind);
	w->imported[kind]++;
	return b;
}

static void put_limits(struct bytes *b, uint64_t min, uint64_t max)
{
	bytes_byte(b, max != WASM_NO_MAX);
	bytes_u(b, min);
	if (max != WASM_NO_MAX)
		bytes_u(b, max);
}

uint32_t wasm_import_func(struct wasm *w, const char *module, const char *name,
                          const char *signature)
{
	uint32_t type = wasm_type(w, signature);
	bytes_u(add_import(w, module, name, EXTERN_FUNC), type);
	return w->imported[EXTERN_FUNC] - 1;
}

uint32_t wasm_import_memory(struct wasm *w, const char *module, const char *name, uint64_t min,
                            uint64_t max)
{
	put_limits(add_import(w, module, name, EXTERN_MEMORY), min, max);
	return w->imported[EXTERN_MEMORY] - 1;
}

uint32_t wasm_import_table(struct wasm *w, const char *module, const char *name, char letter,
                           uint64_t min, uint64_t max)
{
	struct bytes *b = add_import(w, module, name, EXTERN_TABLE);
	bytes_byte(b, type_code(letter));
	put_limits(b, min, max);
	return w->imported[EXTERN_TABLE] - 1;
}

uint32_t wasm_import_global(struct wasm *w, const char *module, const char *name, char letter,
                            bool is_mutable)
{
	struct bytes *b = add_import(w, module, name, EXTERN_GLOBAL);
	bytes_byte(b, type_code(letter));
	bytes_byte(b, is_mutable);
	return w->imported[EXTERN_GLOBAL] - 1;
}

void wasm_locals(struct bytes *body, const char *letters)
{
	bytes_u(body, strlen(letters));
	for (; *letters != '\0'; letters++) {
		bytes_u(body, 1);
		bytes_byte(body, type_code(*letters));
	}
}

uint32_t wasm_func_body(struct wasm *w, uint32_t type, struct bytes *body)
{
	bytes_u(add_to(w, SECTION_FUNCTION), type);
	bytes_sized(add_to(w, SECTION_CODE), body);
	return w->imported[EXTERN_FUNC] + w->counts[SECTION_CODE] - 1;
}

uint32_t wasm_func(struct wasm *w, const char *signature, const char *locals, const char *fmt, ...)
{
	struct bytes body = {0};
	wasm_locals(&body, locals);
	va_list args;
	va_start(args, fmt);
	assemble_list(&body, fmt, args);
	va_end(args);
	put_insn(&body, INSN_end);
	return wasm_func_body(w, wasm_type(w, signature), &body);
}

uint32_t wasm_memory_of_type(struct wasm *w, struct memory_type type)
{
	struct bytes *b = add_to(w, SECTION_MEMORY);
	const struct limits *limits = &type.limits;
	bool is_paged = type.page_size_log2 != 16;
	bytes_byte(b, (unsigned)limits->has_max | (unsigned)limits->is_shared << 1 |
	                  (unsigned)limits->is_64 << 2 | (unsigned)is_paged << 3);
	bytes_u(b, limits->min);
	if (limits->has_max)
		bytes_u(b, limits->max);
	if (is_paged)
		bytes_u(b, type.page_size_log2);
	return w->imported[EXTERN_MEMORY] + w->counts[SECTION_MEMORY] - 1;
}

uint32_t wasm_memory(struct wasm *w, uint64_t min, uint64_t max)
{
	put_limits(add_to(w, SECTION_MEMORY), min, max);
	return w->imported[EXTERN_MEMORY] + w->counts[SECTION_MEMORY] - 1;
}

uint32_t wasm_table(struct wasm *w, char letter, uint64_t min, uint64_t max)
{
	struct bytes *b = add_to(w, SECTION_TABLE);
	bytes_byte(b, type_code(letter));
	put_limits(b, min, max);
	return w->imported[EXTERN_TABLE] + w->counts[SECTION_TABLE] - 1;
}

uint32_t wasm_table_of_type(struct wasm *w, struct table_type type)
{
	struct bytes *b = add_to(w, SECTION_TABLE);
	const struct limits *limits = &type.limits;
	bytes_byte(b, type_code(letter_of_type(type.element)));
	bytes_byte(b, (unsigned)limits->has_max | (unsigned)limits->is_64 << 2);
	bytes_u(b, limits->min);
	if (limits->has_max)
		bytes_u(b, limits->max);
	return w->imported[EXTERN_TABLE] + w->counts[SECTION_TABLE] - 1;
}

uint32_t wasm_global(struct wasm *w, char letter, bool is_mutable, const char *fmt, ...)
{
	struct bytes *b = add_to(w, SECTION_GLOBAL);
	bytes_byte(b, type_code(letter));
	bytes_byte(b, is_mutable);
	va_list args;
	va_start(args, fmt);
	assemble_list(b, fmt, args);
	va_end(args);
	put_insn(b, INSN_end);
	return w->imported[EXTERN_GLOBAL] + w->counts[SECTION_GLOBAL] - 1;
}

uint32_t wasm_tag(struct wasm *w, const char *signature)
{
	struct bytes *b = add_to(w, SECTION_TAG);
	bytes_byte(b, 0); /* an exception */
	bytes_u(b, wasm_type(w, signature));
	return w->imported[EXTERN_TAG] + w->counts[SECTION_TAG] - 1;
}

void wasm_export(struct wasm *w, const char *name, enum extern_kind kind, uint32_t index)
{
	struct bytes *b = add_to(w, SECTION_EXPORT);
	bytes_name(b, name);
	bytes_byte(b, kind);
	bytes_u(b, index);
}

void wasm_start(struct wasm *w, uint32_t func)
{
	bytes_u(&w->contents[SECTION_START], func);
}

/* Segment flags (spec: 5.5.12, 5.5.14). */
enum { SEGMENT_IS_ACTIVE = 0, SEGMENT_IS_PASSIVE = 1, SEGMENT_IS_DECLARATIVE = 3 };

static void put_mode(struct bytes *b, int64_t offset)
{
	bytes_u(b, offset < 0 ? SEGMENT_IS_PASSIVE : SEGMENT_IS_ACTIVE);
	if (offset >= 0) {
		put_insn_s(b, INSN_i32_const, (int32_t)offset);
		put_insn(b, INSN_end);
	}
}

static uint32_t put_funcs(struct wasm *w, struct bytes *b, const uint32_t *funcs, uint32_t count)
{
	bytes_u(b, count);
	for (uint32_t i = 0; i < count; i++)
		bytes_u(b, funcs[i]);
	return w->counts[SECTION_ELEMENT] - 1;
}

uint32_t wasm_elem(struct wasm *w, int64_t offset, const uint32_t *funcs, uint32_t count)
{
	struct bytes *b = add_to(w, SECTION_ELEMENT);
	put_mode(b, offset);
	if (offset < 0)
		bytes_byte(b, 0); /* element kind: funcref */
	return put_funcs(w, b, funcs, count);
}

uint32_t wasm_declare(struct wasm *w, const uint32_t *funcs, uint32_t count)
{
	struct bytes *b = add_to(w, SECTION_ELEMENT);
	bytes_u(b, SEGMENT_IS_DECLARATIVE);
	bytes_byte(b, 0);
	return put_funcs(w, b, funcs, count);
}

uint32_t wasm_data(struct wasm *w, int64_t offset, const void *data, size_t size)
{
	struct bytes *b = add_to(w, SECTION_DATA);
	put_mode(b, offset);
	bytes_u(b, size);
	bytes_put(b, data, size);
	return w->counts[SECTION_DATA] - 1;
}

static void put_section(struct bytes *out, enum section_id id, struct bytes *contents)
{
	bytes_byte(out, id);
	bytes_sized(out, contents);
}

void wasm_custom(struct wasm *w, const char *name, const void *data, size_t size)
{
	struct bytes contents = {0};
	bytes_name(&contents, name);
	bytes_put(&contents, data, size);
	put_section(&w->customs, SECTION_CUSTOM, &contents);
}

struct bytes wasm_finish(struct wasm *w)
{
	static const enum section_id order[] = {
#define X(id, code, name, order) SECTION_##id,
	    SECTIONS(X)
#undef X
	};
	if (w->has_data_count) {
		w->contents[SECTION_DATA_COUNT] = (struct bytes){0};
		bytes_u(&w->contents[SECTION_DATA_COUNT], w->counts[SECTION_DATA]);
	}
	struct bytes out = {0};
	bytes_put(&out, "\0asm\1\0\0\0", 8);
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		struct bytes *contents = &w->contents[order[i]];
		if (contents->size == 0)
			continue;
		struct bytes section = {0};
		if (order[i] != SECTION_START && order[i] != SECTION_DATA_COUNT)
			bytes_u(&section, w->counts[order[i]]);
		bytes_put(&section, contents->data, contents->size);
		bytes_free(contents);
		put_section(&out, order[i], &section);
	}
	bytes_put(&out, w->customs.data, w->customs.size);
	bytes_free(&w->customs);
	*w = (struct wasm){0};
	return out;
}
