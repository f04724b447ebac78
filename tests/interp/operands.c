#include "tests/interp/operands.h"

#include <stdio.h>

static const char *type_name(char letter)
{
	return letter == 'i' ? "i32" : letter == 'I' ? "i64" : letter == 'f' ? "f32" : "f64";
}

void compute(char *out, size_t size, char letter, unsigned local)
{
	const char *t = type_name(letter);
	if (letter == 'i' || letter == 'I')
		snprintf(out, size, "local.get %u %s.const 0 %s.xor ", local, t, t);
	else
		snprintf(out, size, "local.get %u %s.neg %s.neg ", local, t, t);
}

void put_operand(char *out, size_t size, enum source source, char letter, unsigned local,
                 unsigned scratch)
{
	char again[80];
	const char *t = type_name(letter);
	compute(again, sizeof again, letter, local);
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
