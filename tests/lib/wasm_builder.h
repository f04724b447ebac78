/* Modules made in tests: sections are collected and put into their order, function bodies are
 * written as flat text. Instructions and their encodings come from validator/insn.def.
 *
 *   struct wasm w = {0};
 *   uint32_t add = wasm_func(&w, "ii_i", "", "local.get 0 local.get 1 i32.add");
 *   wasm_export(&w, "add", EXTERN_FUNC, add);
 *   struct bytes module = wasm_finish(&w);
 *
 * Types are letters: i i32, I i64, f f32, F f64, v v128, c funcref, r externref, a anyref, x
 * exnref; signatures are "params_results". What is imported must be told before anything of the
 * same kind is defined. A mistake in a test's own text ends the program with a message. */
#ifndef TESTS_LIB_WASM_BUILDER_H
#define TESTS_LIB_WASM_BUILDER_H

#include "validator/decode.h"
#include "validator/insn.h"
#include "validator/module.h"

#include <stddef.h>
#include <stdint.h>

/* ---- bytes ---- */

struct bytes {
	uint8_t *data;
	size_t size;
	size_t room;
};

void bytes_put(struct bytes *b, const void *data, size_t size);
void bytes_byte(struct bytes *b, unsigned byte);
void bytes_u(struct bytes *b, uint64_t value); /* unsigned LEB128 */
void bytes_s(struct bytes *b, int64_t value);  /* signed LEB128 */
void bytes_name(struct bytes *b, const char *name);
/* The contents' size and then the contents, which are freed. */
void bytes_sized(struct bytes *b, struct bytes *contents);
void bytes_free(struct bytes *b);

/* The binary code of a type's letter. */
uint8_t type_code(char letter);
/* The type itself. */
valtype type_of_letter(char letter);
char letter_of_type(valtype type);

/* ---- instructions: wasm_text.c ---- */

void put_insn(struct bytes *b, enum insn_id id);
void put_insn_u(struct bytes *b, enum insn_id id, uint64_t immediate);
void put_insn_s(struct bytes *b, enum insn_id id, int64_t immediate);
void put_memarg(struct bytes *b, enum insn_id id, uint32_t align_log2, uint64_t offset);

/* Flat text, as "local.get 0 i32.const -1 i32.add". Immediates stand behind the mnemonic:
 *   block, loop, if       nothing, a type ("i32", "funcref", …) or a type index
 *   br_table              labels, the default last
 *   call_indirect         type index, and a table index if it is not 0
 *   loads and stores      offset=N align=N (in bytes) memory=N, all may be left out
 *   i32.const, i64.const  a number; f32.const, f64.const: a number, or bits:N
 *   v128.const            two numbers: the lower and the upper 64 bits
 *   …_lane                the lane, behind offset and align; shuffle: 16 lanes
 *   select                nothing or a type
 *   ref.null, ref.cast, … func, extern, any, none, … or a type index
 *   try_table             a block's type, then clauses: catch TAG LABEL, catch_ref TAG LABEL,
 *                         catch_all LABEL, catch_all_ref LABEL
 *   memory.init, table.init, …   segment first, then the table or memory if it is not 0 */
void assemble(struct bytes *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- modules ---- */

#define WASM_NO_MAX UINT64_MAX

struct wasm {
	struct bytes contents[SECTION_TAG + 1]; /* by section id, without the element count */
	uint32_t counts[SECTION_TAG + 1];
	uint32_t imported[EXTERN_TAG + 1]; /* by kind */
	struct bytes customs;              /* whole sections, put at the end */
	bool has_data_count;               /* set it to write a data count section */
	size_t first_types_size;           /* of wasm_first_types() */
	uint32_t first_types;
};

/* All answer the index of what they add. */
uint32_t wasm_type(struct wasm *w, const char *signature); /* an equal one is taken again */
/* Structures and arrays, or any recursive types, as bytes; before any other type. */
void wasm_first_types(struct wasm *w, const void *code, size_t size, uint32_t count);
uint32_t wasm_import_func(struct wasm *w, const char *module, const char *name,
                          const char *signature);
uint32_t wasm_import_memory(struct wasm *w, const char *module, const char *name, uint64_t min,
                            uint64_t max);
uint32_t wasm_import_table(struct wasm *w, const char *module, const char *name, char letter,
                           uint64_t min, uint64_t max);
uint32_t wasm_import_global(struct wasm *w, const char *module, const char *name, char letter,
                            bool is_mutable);

/* A function with these locals behind its parameters; `end` is put behind the text. */
uint32_t wasm_func(struct wasm *w, const char *signature, const char *locals, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same with a body (locals and instructions, `end` included) that was made elsewhere; it is
 * freed. */
uint32_t wasm_func_body(struct wasm *w, uint32_t type, struct bytes *body);
void wasm_locals(struct bytes *body, const char *letters);

uint32_t wasm_memory(struct wasm *w, uint64_t min, uint64_t max);
uint32_t wasm_memory_of_type(struct wasm *w, struct memory_type type);
uint32_t wasm_table(struct wasm *w, char letter, uint64_t min, uint64_t max);
uint32_t wasm_table_of_type(struct wasm *w, struct table_type type);
/* init: text of the constant expression without its end. */
uint32_t wasm_global(struct wasm *w, char letter, bool is_mutable, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
uint32_t wasm_tag(struct wasm *w, const char *signature);
void wasm_export(struct wasm *w, const char *name, enum extern_kind kind, uint32_t index);
void wasm_start(struct wasm *w, uint32_t func);
/* Of funcref by function indices; offset -1: passive, else active in table 0. */
uint32_t wasm_elem(struct wasm *w, int64_t offset, const uint32_t *funcs, uint32_t count);
/* So that ref.func may name them. */
uint32_t wasm_declare(struct wasm *w, const uint32_t *funcs, uint32_t count);
/* offset -1: passive, else active in memory 0. */
uint32_t wasm_data(struct wasm *w, int64_t offset, const void *data, size_t size);
void wasm_custom(struct wasm *w, const char *name, const void *data, size_t size);

/* The module's bytes, to be freed by bytes_free(); the builder is empty again. */
struct bytes wasm_finish(struct wasm *w);

#endif
