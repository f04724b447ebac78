#include "bench/kernels/script.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STACK = 1 << 16, DEPTH = 4096, WORD_MAX = 64 };

struct frame {
	const struct function *function;
	const struct insn *next;
	struct value *registers;
};

static struct value stack[STACK];
static struct frame frames[DEPTH];

static bool is_true(struct value value)
{
	return value.tag != NIL && value.tag != FALSE;
}

static bool is_equal(struct value a, struct value b)
{
	if (a.tag != b.tag)
		return false;
	switch (a.tag) {
	case NUMBER:
		return a.as.number == b.as.number;
	case STRING:
		return a.as.string == b.as.string;
	case TABLE:
		return a.as.table == b.as.table;
	case FUNCTION:
		return a.as.function == b.as.function;
	default:
		return true;
	}
}

static double number(struct value value)
{
	if (value.tag != NUMBER)
		script_fail("arithmetic", "on what is no number");
	return value.as.number;
}

static bool is_less(struct value a, struct value b)
{
	if (a.tag == STRING && b.tag == STRING)
		return strcmp(a.as.string->text, b.as.string->text) < 0;
	return number(a) < number(b);
}

static const char *text_of(struct value value, char *buffer)
{
	if (value.tag == STRING)
		return value.as.string->text;
	snprintf(buffer, WORD_MAX, "%.14g", number(value));
	return buffer;
}

static struct value concatenate(struct value a, struct value b)
{
	char left[WORD_MAX], right[WORD_MAX], joined[1024];
	int length = snprintf(joined, sizeof joined, "%s%s", text_of(a, left), text_of(b, right));
	if (length < 0 || (size_t)length >= sizeof joined)
		script_fail("string", "is too long");
	struct value value = {.tag = STRING};
	value.as.string = script_string(joined, (size_t)length);
	return value;
}

static struct table *table_of(struct value value)
{
	if (value.tag != TABLE)
		script_fail("index", "into what is no table");
	return value.as.table;
}

static struct value length_of(struct value value)
{
	double length = value.tag == STRING ? value.as.string->length : table_of(value)->count;
	return (struct value){.tag = NUMBER, .as.number = length};
}

#define NUMBER_VALUE(x) ((struct value){.tag = NUMBER, .as.number = (x)})
#define TRUTH(x) ((struct value){.tag = (x) ? TRUE : FALSE})
#define VALUE(operand) ((operand) < 0 ? constants[-1 - (operand)] : registers[operand])
#define B VALUE(insn->b)
#define C VALUE(insn->c)

struct value script_run(const struct function *function)
{
	struct frame *frame = frames;
	struct value *registers = stack, globals = {.tag = TABLE};
	const struct value *constants = function->constants;
	const struct insn *insn = function->code;
	globals.as.table = script_allocate(sizeof *globals.as.table);
	frame->function = function;
	for (;; insn++) {
		switch ((enum script_op)insn->op) {
		case OP_MOVE:
			registers[insn->a] = B;
			break;
		case OP_GET_GLOBAL:
			registers[insn->a] = table_get(globals.as.table, B);
			break;
		case OP_SET_GLOBAL:
			table_set(globals.as.table, B, C);
			break;
		case OP_NEW_TABLE:
			registers[insn->a].tag = TABLE;
			registers[insn->a].as.table = script_allocate(sizeof(struct table));
			break;
		case OP_GET:
			registers[insn->a] = table_get(table_of(B), C);
			break;
		case OP_SET:
			table_set(table_of(registers[insn->a]), B, C);
			break;
		case OP_ADD:
			registers[insn->a] = NUMBER_VALUE(number(B) + number(C));
			break;
		case OP_SUBTRACT:
			registers[insn->a] = NUMBER_VALUE(number(B) - number(C));
			break;
		case OP_MULTIPLY:
			registers[insn->a] = NUMBER_VALUE(number(B) * number(C));
			break;
		case OP_DIVIDE:
			registers[insn->a] = NUMBER_VALUE(number(B) / number(C));
			break;
		case OP_REMAINDER: {
			double left = number(B), right = number(C);
			registers[insn->a] = NUMBER_VALUE(left - floor(left / right) * right);
			break;
		}
		case OP_CONCATENATE:
			registers[insn->a] = concatenate(B, C);
			break;
		case OP_EQUAL:
			registers[insn->a] = TRUTH(is_equal(B, C));
			break;
		case OP_LESS:
			registers[insn->a] = TRUTH(is_less(B, C));
			break;
		case OP_LESS_EQUAL:
			registers[insn->a] = TRUTH(!is_less(C, B));
			break;
		case OP_NOT:
			registers[insn->a] = TRUTH(!is_true(B));
			break;
		case OP_LENGTH:
			registers[insn->a] = length_of(B);
			break;
		case OP_JUMP:
			insn += insn->b;
			break;
		case OP_JUMP_UNLESS:
			if (!is_true(C))
				insn += insn->b;
			break;
		case OP_CALL: {
			struct value called = registers[insn->a];
			if (called.tag != FUNCTION)
				script_fail("call", "of what is no function");
			const struct function *callee = called.as.function;
			frame->next = insn;
			frame->registers = registers;
			registers += insn->a + 1;
			if (frame + 1 == frames + DEPTH || registers + callee->registers > stack + STACK)
				script_fail("call", "too deep");
			for (uint32_t i = (uint32_t)insn->b; i < callee->registers; i++)
				registers[i].tag = NIL;
			(++frame)->function = callee;
			constants = callee->constants;
			insn = callee->code - 1;
			break;
		}
		case OP_RETURN: {
			struct value result = B;
			if (frame == frames)
				return result;
			frame--;
			registers = frame->registers;
			insn = frame->next;
			constants = frame->function->constants;
			registers[insn->a] = result;
			break;
		}
		}
	}
}
