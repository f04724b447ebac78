/* A switch in a loop: a stack machine that counts the steps of the Collatz sequence for many
 * starts. */
#include <stdint.h>
#include <stdio.h>

enum { STARTS = 12000 };

enum op {
	PUSH, /* operand: the value */
	LOAD, /* operand: the variable */
	STORE,
	ADD,
	MUL,
	SHIFT_RIGHT,
	AND,
	LESS,
	EQUAL,
	JUMP, /* operand: the address */
	JUMP_IF,
	HALT,
};

enum variable { START, N, STEPS, BEST, VARIABLES };

struct insn {
	uint8_t op;
	uint32_t operand;
};

static const struct insn program[] = {
    /* 0: while START < STARTS go to 5, else stop */
    {LOAD, START},
    {PUSH, STARTS},
    {LESS, 0},
    {JUMP_IF, 5},
    {HALT, 0},
    /* 5: N = START; STEPS = 0 */
    {LOAD, START},
    {STORE, N},
    {PUSH, 0},
    {STORE, STEPS},
    /* 9: when N == 1 go to 32 */
    {LOAD, N},
    {PUSH, 1},
    {EQUAL, 0},
    {JUMP_IF, 32},
    /* 13: when N is odd go to 21, else N >> 1 and on to 26 */
    {LOAD, N},
    {PUSH, 1},
    {AND, 0},
    {JUMP_IF, 21},
    {LOAD, N},
    {PUSH, 1},
    {SHIFT_RIGHT, 0},
    {JUMP, 26},
    /* 21: 3 * N + 1 */
    {LOAD, N},
    {PUSH, 3},
    {MUL, 0},
    {PUSH, 1},
    {ADD, 0},
    /* 26: becomes N; STEPS = STEPS + 1; back to 9 */
    {STORE, N},
    {LOAD, STEPS},
    {PUSH, 1},
    {ADD, 0},
    {STORE, STEPS},
    {JUMP, 9},
    /* 32: when BEST < STEPS, BEST = STEPS */
    {LOAD, BEST},
    {LOAD, STEPS},
    {LESS, 0},
    {JUMP_IF, 37},
    {JUMP, 39},
    {LOAD, STEPS},
    {STORE, BEST},
    /* 39: START = START + 1 */
    {LOAD, START},
    {PUSH, 1},
    {ADD, 0},
    {STORE, START},
    {JUMP, 0}};

static uint32_t variables[VARIABLES] = {[START] = 1};

static uint64_t interpret(void)
{
	uint32_t stack[16], *top = stack;
	const struct insn *insn = program;
	uint64_t executed = 0;
	for (;; executed++) {
		uint32_t operand = insn->operand;
		switch ((enum op)insn++->op) {
		case PUSH:
			*top++ = operand;
			break;
		case LOAD:
			*top++ = variables[operand];
			break;
		case STORE:
			variables[operand] = *--top;
			break;
		case ADD:
			top--;
			top[-1] += top[0];
			break;
		case MUL:
			top--;
			top[-1] *= top[0];
			break;
		case SHIFT_RIGHT:
			top--;
			top[-1] >>= top[0];
			break;
		case AND:
			top--;
			top[-1] &= top[0];
			break;
		case LESS:
			top--;
			top[-1] = top[-1] < top[0];
			break;
		case EQUAL:
			top--;
			top[-1] = top[-1] == top[0];
			break;
		case JUMP:
			insn = program + operand;
			break;
		case JUMP_IF:
			if (*--top)
				insn = program + operand;
			break;
		case HALT:
			return executed;
		}
	}
}

int main(void)
{
	uint64_t executed = interpret();
	printf("bytecode %u after %llu\n", (unsigned)variables[BEST], (unsigned long long)executed);
	return 0;
}
