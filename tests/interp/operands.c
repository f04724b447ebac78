#include "tests/interp/operands.h"

#include <stdbool.h>
#include <stdio.h>

static const char *type_name(char letter)
{
	return letter == 'i'   ? "i32"
	       : letter == 'I' ? "i64"
	       : letter == 'f' ? "f32"
	       : letter == 'F' ? "f64"
	                       : "v128";
}

void compute(char *out, size_t size, char letter, unsigned local)
{
	const char *t = type_name(letter);
	if (letter == 'i' || letter == 'I')
		snprintf(out, size, "local.get %u %s.const 0 %s.xor ", local, t, t);
	else if (letter == 'v')
		snprintf(out, size, "local.get %u v128.not v128.not ", local);
	else
		snprintf(out, size, "local.get %u %s.neg %s.neg ", local, t, t);
}

/* Where numbers stand in the text; false: the operand is as those of other types. */
static bool put_vector(char *out, size_t size, enum source source, unsigned local)
{
	switch (source) {
	case SOURCE_CONST:
		snprintf(out, size, "v128.const %s ", local % 2 == 0 ? "0x700000007 7" : "-3 0x3f800000");
		return true;
	case SOURCE_SUM:
		snprintf(out, size, "local.get %u v128.const 5 0x5000000000000 v128.xor ", local);
		return true;
	case SOURCE_PAIR:
		snprintf(out, size, "local.get %u local.get %u i32x4.sub ", local, local);
		return true;
	case SOURCE_OVERWRITTEN:
		snprintf(out, size, "local.get %u v128.const 9 8 local.set %u ", local, local);
		return true;
	default:
		return false;
	}
}

void put_operand(char *out, size_t size, enum source source, char letter, unsigned local,
                 unsigned scratch)
{
	char again[80];
	const char *t = type_name(letter);
	compute(again, sizeof again, letter, local);
	if (letter == 'v' && put_vector(out, size, source, local))
		return;
	switch (source) {
	case SOURCE_LOCAL:
		snprintf(out, size, "local.get %u ", local);
		break;
	case SOURCE_CONST:
		snprintf(out, size, "%s.const %s ", t, local % 2 == 0 ? "7" : "-3");
		break;
	case SOURCE_ACC:
		snprintf(out, size, "%s", again);
		break;
	case SOURCE_TEMP:
		/* In its slot: something else is computed behind it. */
		snprintf(out, size, "%s%slocal.set %u ", again, again, scratch);
		break;
	case SOURCE_SUM:
		/* Not made before it is wanted; and the local changes meanwhile when it is the first. */
		if (letter == 'i')
			snprintf(out, size, "local.get %u i32.const %s i32.add %s", local,
			         local % 2 == 0 ? "5" : "-70000",
			         local == 0 ? "" : "local.get 0 i32.const 1 i32.add local.set 0 ");
		else
			snprintf(out, size, "local.get %u %s.const 5 %s.%s ", local, t, t,
			         letter == 'I' ? "sub" : "mul");
		break;
	case SOURCE_PAIR:
		snprintf(out, size, "local.get %u local.get %u %s.add ", local, local, t);
		break;
	case SOURCE_TEE:
		snprintf(out, size, "%slocal.tee %u ", again, scratch);
		break;
	default:
		/* The local changes while its old value stands on the stack. */
		snprintf(out, size, "local.get %u %s.const 9 local.set %u ", local, t, local);
		break;
	}
}
