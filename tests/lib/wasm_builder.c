#include "tests/lib/wasm_builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn static void die(const char *what, const char *about)
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
			die("out of memory", "bytes");
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
	die("no type has this letter", (const char[]){letter, '\0'});
}

valtype type_of_letter(char letter)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].letter == letter)
			return types[i].type;
	die("no type has this letter", (const char[]){letter, '\0'});
}

char letter_of_type(valtype type)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].type == type)
			return types[i].letter;
	char name[32];
	die("no letter for this type", valtype_name(type, name));
}

/* ---- instructions ---- */

void put_insn(struct bytes *b, enum insn_id id)
{
	if (insns[id].prefix != 0) {
		bytes_byte(b, insns[id].prefix);
		bytes_u(b, insns[id].code);
	} else {
		bytes_byte(b, insns[id].code);
	}
}

void put_insn_u(struct bytes *b, enum insn_id id, uint64_t immediate)
{
	put_insn(b, id);
	bytes_u(b, immediate);
}

void put_insn_s(struct bytes *b, enum insn_id id, int64_t immediate)
{
	put_insn(b, id);
	bytes_s(b, immediate);
}

void put_memarg(struct bytes *b, enum insn_id id, uint32_t align_log2, uint64_t offset)
{
	put_insn(b, id);
	bytes_u(b, align_log2);
	bytes_u(b, offset);
}

/* Words of the text, one at a time, with one word of look-ahead. */
struct words {
	const char *at;
	char word[64]; /* the next word; empty at the end */
};

static void advance(struct words *w)
{
	w->at += strspn(w->at, " \t\n");
	size_t len = strcspn(w->at, " \t\n");
	if (len >= sizeof w->word)
		die("word too long", w->at);
	memcpy(w->word, w->at, len);
	w->word[len] = '\0';
	w->at += len;
}

static bool is_number(const char *word)
{
	return (*word >= '0' && *word <= '9') || (*word == '-' && word[1] >= '0' && word[1] <= '9');
}

/* Numbers from the least int64 to the greatest uint64, as 64 bits. */
static uint64_t number(struct words *w)
{
	if (!is_number(w->word))
		die("a number is expected", w->word);
	char *end;
	uint64_t value = strtoull(w->word, &end, 0);
	if (*end != '\0')
		die("not a number", w->word);
	advance(w);
	return value;
}

static uint64_t number_or_0(struct words *w)
{
	return is_number(w->word) ? number(w) : 0;
}

static bool take_type(struct words *w, uint8_t *code)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (strcmp(w->word, types[i].name) == 0) {
			*code = types[i].code;
			advance(w);
			return true;
		}
	}
	return false;
}

static void take_float(struct words *w, struct bytes *b, size_t size)
{
	uint64_t bits;
	if (strncmp(w->word, "bits:", 5) == 0) {
		bits = strtoull(w->word + 5, NULL, 0);
	} else {
		double value = strtod(w->word, NULL);
		float narrow = (float)value;
		bits = 0;
		memcpy(&bits, size == 4 ? (const void *)&narrow : &value, size);
	}
	bytes_put(b, &bits, size);
	advance(w);
}

static void take_memarg(struct words *w, struct bytes *b, const struct insn *insn)
{
	uint64_t offset = 0, memory = 0;
	uint32_t align = insn->align;
	for (;; advance(w)) {
		if (strncmp(w->word, "offset=", 7) == 0)
			offset = strtoull(w->word + 7, NULL, 0);
		else if (strncmp(w->word, "align=", 6) == 0)
			align = (uint32_t)__builtin_ctzl(strtoul(w->word + 6, NULL, 0));
		else if (strncmp(w->word, "memory=", 7) == 0)
			memory = strtoull(w->word + 7, NULL, 0);
		else
			break;
	}
	bytes_u(b, memory == 0 ? align : align | 0x40);
	if (memory != 0)
		bytes_u(b, memory);
	bytes_u(b, offset);
}

static void take_labels(struct words *w, struct bytes *b)
{
	struct bytes labels = {0};
	uint32_t count = 0;
	for (; is_number(w->word); count++)
		bytes_u(&labels, number(w));
	if (count == 0)
		die("br_table needs a default label", w->at);
	bytes_u(b, count - 1);
	bytes_put(b, labels.data, labels.size);
	bytes_free(&labels);
}

static void take_heap_type(struct words *w, struct bytes *b)
{
#define X(id, code, text)                                                                          \
	if (strcmp(w->word, text) == 0) {                                                              \
		bytes_byte(b, code);                                                                       \
		advance(w);                                                                                \
		return;                                                                                    \
	}
	HEAP_TYPES(X)
#undef X
	if (is_number(w->word)) {
		bytes_s(b, (int64_t)number(w));
		return;
	}
	die("a heap type is expected", w->word);
}

static void take_block_type(struct words *w, struct bytes *b)
{
	uint8_t code;
	if (take_type(w, &code))
		bytes_byte(b, code);
	else if (is_number(w->word))
		bytes_s(b, (int64_t)number(w));
	else
		bytes_byte(b, 0x40);
}

/* Their codes are their places here (spec: 5.4.1). */
static void take_clauses(struct words *w, struct bytes *b)
{
	static const char *const kinds[] = {"catch", "catch_ref", "catch_all", "catch_all_ref"};
	struct bytes clauses = {0};
	uint32_t count = 0;
	for (unsigned i = 0; i < 4;) {
		if (strcmp(w->word, kinds[i]) != 0) {
			i++;
			continue;
		}
		advance(w);
		bytes_byte(&clauses, i);
		if (i < 2)
			bytes_u(&clauses, number(w));
		bytes_u(&clauses, number(w));
		count++;
		i = 0;
	}
	bytes_u(b, count);
	bytes_put(b, clauses.data, clauses.size);
	bytes_free(&clauses);
}

static void take_immediate(struct words *w, struct bytes *b, const struct insn *insn)
{
	uint8_t code;
	switch ((enum immediate)insn->immediate) {
	case IMM_NONE:
		break;
	case IMM_BLOCK:
		take_block_type(w, b);
		break;
	case IMM_TRY_TABLE:
		take_block_type(w, b);
		take_clauses(w, b);
		break;
	case IMM_LABELS:
		take_labels(w, b);
		break;
	case IMM_TYPES:
		if (!take_type(w, &code))
			die("a type is expected", w->word);
		bytes_u(b, 1);
		bytes_byte(b, code);
		break;
	case IMM_LABEL:
	case IMM_FUNC:
	case IMM_TYPE:
	case IMM_LOCAL:
	case IMM_GLOBAL:
	case IMM_DATA:
	case IMM_ELEM:
	case IMM_TAG:
		bytes_u(b, number(w));
		break;
	case IMM_TYPE_FIELD:
	case IMM_TYPE_COUNT:
	case IMM_TYPE_DATA:
	case IMM_TYPE_ELEM:
	case IMM_TYPE_TYPE:
		bytes_u(b, number(w));
		bytes_u(b, number(w));
		break;
	case IMM_TABLE:
	case IMM_MEMORY:
		bytes_u(b, number_or_0(w));
		break;
	case IMM_TYPE_TABLE:
	case IMM_DATA_MEMORY:
	case IMM_ELEM_TABLE:
		bytes_u(b, number(w));
		bytes_u(b, number_or_0(w));
		break;
	case IMM_TABLE_TABLE:
	case IMM_MEMORY_MEMORY:
		bytes_u(b, number_or_0(w));
		bytes_u(b, number_or_0(w));
		break;
	case IMM_MEMARG:
		take_memarg(w, b, insn);
		break;
	case IMM_I32:
		bytes_s(b, (int32_t)number(w));
		break;
	case IMM_I64:
		bytes_s(b, (int64_t)number(w));
		break;
	case IMM_F32:
		take_float(w, b, 4);
		break;
	case IMM_F64:
		take_float(w, b, 8);
		break;
	case IMM_ZERO:
		bytes_byte(b, 0);
		break;
	case IMM_V128:
		for (unsigned i = 0; i < 2; i++) {
			uint64_t half = number(w);
			bytes_put(b, &half, sizeof half);
		}
		break;
	case IMM_LANE:
		bytes_byte(b, (unsigned)number(w));
		break;
	case IMM_MEMARG_LANE:
		take_memarg(w, b, insn);
		bytes_byte(b, (unsigned)number(w));
		break;
	case IMM_SHUFFLE:
		for (unsigned i = 0; i < V128_BYTES; i++)
			bytes_byte(b, (unsigned)number(w));
		break;
	case IMM_HEAP:
		take_heap_type(w, b);
		break;
	default:
		die("the assembler does not know the immediates of", insn->mnemonic);
	}
}

static enum insn_id find(const char *mnemonic)
{
	for (unsigned i = 0; i < INSN_COUNT; i++)
		if (strcmp(insns[i].mnemonic, mnemonic) == 0)
			return (enum insn_id)i;
	die("no such instruction", mnemonic);
}

static void assemble_text(struct bytes *b, const char *text)
{
	struct words w = {.at = text};
	advance(&w);
	while (w.word[0] != '\0') {
		enum insn_id id = find(w.word);
		advance(&w);
		/* Two instructions share this mnemonic. */
		struct words ahead = w;
		uint8_t code;
		if (id == INSN_select && take_type(&ahead, &code))
			id = INSN_select_t;
		put_insn(b, id);
		take_immediate(&w, b, &insns[id]);
	}
}

static void assemble_args(struct bytes *b, const char *fmt, va_list args)
{
	char *text;
	if (vasprintf(&text, fmt, args) < 0)
		die("out of memory", "text");
	assemble_text(b, text);
	free(text);
}

void assemble(struct bytes *b, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	assemble_args(b, fmt, args);
	va_end(args);
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
		die("a signature is params_results", signature);
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
		die("other types are there", "wasm_first_types");
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
	assemble_args(&body, fmt, args);
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
	assemble_args(b, fmt, args);
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
