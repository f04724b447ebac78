/* One pass over the text, by recursive descent. A value is asked for as an operand: a local
 * variable or a constant is one already, anything else goes into a fresh register. */
#include "bench/kernels/script.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { LOCALS_MAX = 64, NAME_MAX = 32, BINARY_LEVELS = 6, UNARY_LEVEL = 6 };

struct local {
	char name[NAME_MAX];
	int16_t place;
};

struct compiler {
	const char *at;
	char word[NAME_MAX]; /* the token: a name, or a sign of one or two characters; "" at the end */
	bool is_name, is_number, is_string;
	double number;
	const char *string;
	size_t string_length;
	struct function *function;
	struct local locals[LOCALS_MAX];
	unsigned local_count;
	int16_t free; /* the first register that nobody holds */
};

/* ---- tokens ---- */

static void next(struct compiler *compiler)
{
	while (isspace((unsigned char)*compiler->at))
		compiler->at++;
	const char *start = compiler->at;
	compiler->is_name = isalpha((unsigned char)*start) || *start == '_';
	compiler->is_number = isdigit((unsigned char)*start);
	compiler->is_string = *start == '"';
	size_t length = 0;
	if (compiler->is_number) {
		char *end;
		compiler->number = strtod(start, &end);
		compiler->at = end;
	} else if (compiler->is_string) {
		compiler->string = start + 1;
		compiler->string_length = strcspn(start + 1, "\"");
		compiler->at =
		    start + 1 + compiler->string_length + (start[1 + compiler->string_length] != 0);
	} else if (compiler->is_name) {
		while (isalnum((unsigned char)start[length]) || start[length] == '_')
			length++;
	} else if (*start != '\0') {
		length = (strchr("=<>~", *start) != NULL && start[1] == '=') || strncmp(start, "..", 2) == 0
		             ? 2
		             : 1;
	}
	if (length >= NAME_MAX)
		script_fail("name too long", start);
	memcpy(compiler->word, start, length);
	compiler->word[length] = '\0';
	if (!compiler->is_number && !compiler->is_string)
		compiler->at += length;
}

static bool is_word(const struct compiler *compiler, const char *word)
{
	return !compiler->is_number && !compiler->is_string && strcmp(compiler->word, word) == 0;
}

static bool accept(struct compiler *compiler, const char *word)
{
	bool is_it = is_word(compiler, word);
	if (is_it)
		next(compiler);
	return is_it;
}

static void expect(struct compiler *compiler, const char *word)
{
	if (!accept(compiler, word))
		script_fail(word, compiler->at);
}

/* ---- code ---- */

static uint32_t emit(struct compiler *compiler, enum script_op op, int a, int b, int c)
{
	struct function *function = compiler->function;
	if (function->code_count == function->code_room) {
		uint32_t room = function->code_room > 0 ? 2 * function->code_room : 64;
		struct insn *code = script_allocate(room * sizeof *code);
		if (function->code_count > 0)
			memcpy(code, function->code, function->code_count * sizeof *code);
		function->code = code;
		function->code_room = room;
	}
	function->code[function->code_count] =
	    (struct insn){(uint8_t)op, (uint8_t)a, (int16_t)b, (int16_t)c};
	return function->code_count++;
}

/* A jump that is behind us goes to the place that comes next. */
static void land(struct compiler *compiler, uint32_t jump)
{
	struct function *function = compiler->function;
	function->code[jump].b = (int16_t)(function->code_count - jump - 1);
}

static int16_t constant(struct compiler *compiler, struct value value)
{
	struct function *function = compiler->function;
	if (function->constant_count == function->constant_room) {
		uint32_t room = function->constant_room > 0 ? 2 * function->constant_room : 32;
		struct value *constants = script_allocate(room * sizeof *constants);
		if (function->constant_count > 0)
			memcpy(constants, function->constants, function->constant_count * sizeof *constants);
		function->constants = constants;
		function->constant_room = room;
	}
	function->constants[function->constant_count++] = value;
	return (int16_t)-(int32_t)function->constant_count;
}

static int16_t text_constant(struct compiler *compiler, const char *text, size_t length)
{
	struct value value = {.tag = STRING};
	value.as.string = script_string(text, length);
	return constant(compiler, value);
}

static int16_t take_register(struct compiler *compiler)
{
	int16_t place = compiler->free++;
	if (place >= 250)
		script_fail("registers", "too many");
	if ((uint32_t)compiler->free > compiler->function->registers)
		compiler->function->registers = (uint32_t)compiler->free;
	return place;
}

static const struct local *find_local(const struct compiler *compiler, const char *name)
{
	for (unsigned i = compiler->local_count; i > 0; i--)
		if (strcmp(compiler->locals[i - 1].name, name) == 0)
			return &compiler->locals[i - 1];
	return NULL;
}

static void add_local(struct compiler *compiler, const char *name, int16_t place)
{
	if (compiler->local_count == LOCALS_MAX)
		script_fail("locals", "too many");
	struct local *local = &compiler->locals[compiler->local_count++];
	strcpy(local->name, name);
	local->place = place;
}

/* ---- expressions: each gives an operand ---- */

static int16_t expression(struct compiler *compiler, int level);

static void into(struct compiler *compiler, int16_t place)
{
	int16_t operand = expression(compiler, 0);
	if (operand != place)
		emit(compiler, OP_MOVE, place, operand, 0);
	compiler->free = (int16_t)(place + 1);
}

/* Function and arguments stand in registers that follow each other. */
static int16_t call(struct compiler *compiler, int16_t function)
{
	int16_t base = take_register(compiler), count = 0;
	emit(compiler, OP_MOVE, base, function, 0);
	while (!is_word(compiler, ")")) {
		into(compiler, take_register(compiler));
		count++;
		if (!accept(compiler, ","))
			break;
	}
	expect(compiler, ")");
	emit(compiler, OP_CALL, base, count, 0);
	compiler->free = (int16_t)(base + 1);
	return base;
}

static int16_t table(struct compiler *compiler)
{
	int16_t place = take_register(compiler);
	emit(compiler, OP_NEW_TABLE, place, 0, 0);
	for (int index = 1; !is_word(compiler, "}"); index++) {
		int16_t before = compiler->free, item = expression(compiler, 0);
		struct value key = {.tag = NUMBER, .as.number = index};
		emit(compiler, OP_SET, place, constant(compiler, key), item);
		compiler->free = before;
		if (!accept(compiler, ","))
			break;
	}
	expect(compiler, "}");
	return place;
}

static int16_t name(struct compiler *compiler)
{
	const struct local *local = find_local(compiler, compiler->word);
	int16_t place = local != NULL ? local->place : take_register(compiler);
	if (!compiler->is_name)
		script_fail("a value is missing at", compiler->at);
	if (local == NULL)
		emit(compiler, OP_GET_GLOBAL, place,
		     text_constant(compiler, compiler->word, strlen(compiler->word)), 0);
	next(compiler);
	return place;
}

static int16_t primary(struct compiler *compiler)
{
	int16_t place;
	struct value value = {.tag = NUMBER, .as.number = compiler->number};
	if (compiler->is_number) {
		next(compiler);
		return constant(compiler, value);
	}
	if (compiler->is_string) {
		place = text_constant(compiler, compiler->string, compiler->string_length);
		next(compiler);
		return place;
	}
	if (accept(compiler, "nil"))
		return constant(compiler, (struct value){.tag = NIL});
	if (accept(compiler, "true"))
		return constant(compiler, (struct value){.tag = TRUE});
	if (accept(compiler, "false"))
		return constant(compiler, (struct value){.tag = FALSE});
	if (accept(compiler, "{"))
		return table(compiler);
	if (accept(compiler, "(")) {
		place = expression(compiler, 0);
		expect(compiler, ")");
	} else {
		place = name(compiler);
	}
	for (;;) {
		if (accept(compiler, "(")) {
			place = call(compiler, place);
		} else if (accept(compiler, "[")) {
			int16_t key = expression(compiler, 0), result = take_register(compiler);
			expect(compiler, "]");
			emit(compiler, OP_GET, result, place, key);
			place = result;
		} else {
			return place;
		}
	}
}

static int16_t unary(struct compiler *compiler)
{
	struct value zero = {.tag = NUMBER};
	bool is_minus = is_word(compiler, "-"), is_not = is_word(compiler, "not");
	if (!is_minus && !is_not && !is_word(compiler, "#"))
		return primary(compiler);
	next(compiler);
	int16_t operand = unary(compiler), result = take_register(compiler);
	if (is_minus)
		emit(compiler, OP_SUBTRACT, result, constant(compiler, zero), operand);
	else
		emit(compiler, is_not ? OP_NOT : OP_LENGTH, result, operand, 0);
	return result;
}

/* `or` leaves its left side when that is true, `and` when it is false. */
static int16_t shortcut(struct compiler *compiler, int16_t left, bool is_and, int level)
{
	int16_t place = take_register(compiler);
	emit(compiler, OP_MOVE, place, left, 0);
	int16_t test = place;
	if (!is_and) {
		test = take_register(compiler);
		emit(compiler, OP_NOT, test, place, 0);
	}
	uint32_t jump = emit(compiler, OP_JUMP_UNLESS, 0, 0, test);
	int16_t right = expression(compiler, level + 1);
	emit(compiler, OP_MOVE, place, right, 0);
	land(compiler, jump);
	compiler->free = (int16_t)(place + 1);
	return place;
}

static const struct binary {
	const char *sign;
	int level;
	enum script_op op;
	bool is_turned, is_negated;
} binaries[] = {
    {"or", 0, OP_JUMP, false, false},        {"and", 1, OP_JUMP, false, false},
    {"<", 2, OP_LESS, false, false},         {"<=", 2, OP_LESS_EQUAL, false, false},
    {">", 2, OP_LESS, true, false},          {">=", 2, OP_LESS_EQUAL, true, false},
    {"==", 2, OP_EQUAL, false, false},       {"~=", 2, OP_EQUAL, false, true},
    {"..", 3, OP_CONCATENATE, false, false}, {"+", 4, OP_ADD, false, false},
    {"-", 4, OP_SUBTRACT, false, false},     {"*", 5, OP_MULTIPLY, false, false},
    {"/", 5, OP_DIVIDE, false, false},       {"%", 5, OP_REMAINDER, false, false},
};

static const struct binary *find_binary(const struct compiler *compiler, int level)
{
	for (size_t i = 0; i < sizeof binaries / sizeof binaries[0]; i++)
		if (binaries[i].level == level && is_word(compiler, binaries[i].sign))
			return &binaries[i];
	return NULL;
}

static int16_t expression(struct compiler *compiler, int level)
{
	if (level == UNARY_LEVEL)
		return unary(compiler);
	int16_t left = expression(compiler, level + 1);
	for (const struct binary *binary; (binary = find_binary(compiler, level)) != NULL;) {
		next(compiler);
		if (binary->op == OP_JUMP) {
			left = shortcut(compiler, left, level == 1, level);
			continue;
		}
		int16_t right = expression(compiler, level + 1), result = take_register(compiler);
		emit(compiler, binary->op, result, binary->is_turned ? right : left,
		     binary->is_turned ? left : right);
		if (binary->is_negated)
			emit(compiler, OP_NOT, result, result, 0);
		left = result;
	}
	return left;
}

/* ---- statements ---- */

static void block(struct compiler *compiler);

static void local_statement(struct compiler *compiler)
{
	char local[NAME_MAX];
	strcpy(local, compiler->word);
	next(compiler);
	expect(compiler, "=");
	int16_t place = take_register(compiler);
	into(compiler, place);
	add_local(compiler, local, place);
}

static void if_statement(struct compiler *compiler)
{
	int16_t before = compiler->free;
	uint32_t skip = 0;
	int16_t test = expression(compiler, 0);
	compiler->free = before;
	expect(compiler, "then");
	uint32_t jump = emit(compiler, OP_JUMP_UNLESS, 0, 0, test);
	block(compiler);
	bool has_else = accept(compiler, "else");
	if (has_else)
		skip = emit(compiler, OP_JUMP, 0, 0, 0);
	land(compiler, jump);
	if (has_else) {
		block(compiler);
		land(compiler, skip);
	}
	expect(compiler, "end");
}

static void while_statement(struct compiler *compiler)
{
	int16_t before = compiler->free;
	uint32_t top = compiler->function->code_count;
	int16_t test = expression(compiler, 0);
	compiler->free = before;
	expect(compiler, "do");
	uint32_t jump = emit(compiler, OP_JUMP_UNLESS, 0, 0, test);
	block(compiler);
	expect(compiler, "end");
	uint32_t back = emit(compiler, OP_JUMP, 0, 0, 0);
	compiler->function->code[back].b = (int16_t)((int32_t)top - (int32_t)back - 1);
	land(compiler, jump);
}

static struct function *body(struct compiler *outer)
{
	struct compiler compiler = *outer;
	compiler.function = script_allocate(sizeof *compiler.function);
	compiler.local_count = 0;
	compiler.free = 0;
	expect(&compiler, "(");
	while (compiler.is_name) {
		add_local(&compiler, compiler.word, take_register(&compiler));
		next(&compiler);
		if (!accept(&compiler, ","))
			break;
	}
	expect(&compiler, ")");
	block(&compiler);
	if (!is_word(&compiler, "end"))
		script_fail("end", compiler.at);
	emit(&compiler, OP_RETURN, 0, constant(&compiler, (struct value){.tag = NIL}), 0);
	outer->at = compiler.at;
	next(outer);
	return compiler.function;
}

static void function_statement(struct compiler *compiler)
{
	int16_t global = text_constant(compiler, compiler->word, strlen(compiler->word));
	struct value value = {.tag = FUNCTION};
	next(compiler);
	value.as.function = body(compiler);
	emit(compiler, OP_SET_GLOBAL, 0, global, constant(compiler, value));
}

/* A name and its indices: assigned to, or called. */
static void name_statement(struct compiler *compiler)
{
	char first[NAME_MAX];
	strcpy(first, compiler->word);
	const struct local *local = find_local(compiler, first);
	int16_t before = compiler->free, key = 0, holder;
	bool is_index = false;
	next(compiler);
	if (accept(compiler, "=")) {
		int16_t value = expression(compiler, 0);
		if (local != NULL)
			emit(compiler, OP_MOVE, local->place, value, 0);
		else
			emit(compiler, OP_SET_GLOBAL, 0, text_constant(compiler, first, strlen(first)), value);
		compiler->free = before;
		return;
	}
	holder = local != NULL ? local->place : take_register(compiler);
	if (local == NULL)
		emit(compiler, OP_GET_GLOBAL, holder, text_constant(compiler, first, strlen(first)), 0);
	for (;;) {
		if (accept(compiler, "(")) {
			holder = call(compiler, holder);
			is_index = false;
		} else if (accept(compiler, "[")) {
			if (is_index) {
				int16_t inner = take_register(compiler);
				emit(compiler, OP_GET, inner, holder, key);
				holder = inner;
			}
			key = expression(compiler, 0);
			is_index = true;
			expect(compiler, "]");
		} else {
			break;
		}
	}
	if (is_index) {
		expect(compiler, "=");
		int16_t value = expression(compiler, 0);
		emit(compiler, OP_SET, holder, key, value);
	}
	compiler->free = before;
}

/* Up to `end`, `else` or the end of the text; its locals go with it. */
static void block(struct compiler *compiler)
{
	unsigned locals = compiler->local_count;
	int16_t before = compiler->free;
	while (compiler->is_name && !is_word(compiler, "end") && !is_word(compiler, "else")) {
		if (accept(compiler, "local")) {
			local_statement(compiler);
		} else if (accept(compiler, "if")) {
			if_statement(compiler);
		} else if (accept(compiler, "while")) {
			while_statement(compiler);
		} else if (accept(compiler, "function")) {
			function_statement(compiler);
		} else if (accept(compiler, "return")) {
			int16_t kept = compiler->free, result = expression(compiler, 0);
			emit(compiler, OP_RETURN, 0, result, 0);
			compiler->free = kept;
		} else {
			name_statement(compiler);
		}
	}
	compiler->local_count = locals;
	compiler->free = before;
}

struct function *script_compile(const char *text)
{
	struct compiler compiler = {.at = text};
	compiler.function = script_allocate(sizeof *compiler.function);
	next(&compiler);
	block(&compiler);
	if (*compiler.word != '\0')
		script_fail("a statement is missing at", compiler.word);
	emit(&compiler, OP_RETURN, 0, constant(&compiler, (struct value){.tag = NIL}), 0);
	return compiler.function;
}
