/* Instructions, and function bodies from flat text. */
#include "tests/lib/wasm_builder_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
		wasm_die("word too long", w->at);
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
		wasm_die("a number is expected", w->word);
	char *end;
	uint64_t value = strtoull(w->word, &end, 0);
	if (*end != '\0')
		wasm_die("not a number", w->word);
	advance(w);
	return value;
}

static uint64_t number_or_0(struct words *w)
{
	return is_number(w->word) ? number(w) : 0;
}

static bool take_type(struct words *w, uint8_t *code)
{
	if (!type_code_by_name(w->word, code))
		return false;
	advance(w);
	return true;
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
		wasm_die("br_table needs a default label", w->at);
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
	wasm_die("a heap type is expected", w->word);
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
			wasm_die("a type is expected", w->word);
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
		wasm_die("the assembler does not know the immediates of", insn->mnemonic);
	}
}

static enum insn_id find(const char *mnemonic)
{
	for (unsigned i = 0; i < INSN_COUNT; i++)
		if (strcmp(insns[i].mnemonic, mnemonic) == 0)
			return (enum insn_id)i;
	wasm_die("no such instruction", mnemonic);
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

void assemble_list(struct bytes *b, const char *fmt, va_list args)
{
	char *text;
	if (vasprintf(&text, fmt, args) < 0)
		wasm_die("out of memory", "text");
	assemble_text(b, text);
	free(text);
}

void assemble(struct bytes *b, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	assemble_list(b, fmt, args);
	va_end(args);
}
