/* Fuzz target: a generated module runs in all ways as it does plainly (differential.h). */
#include "tests/fuzz/differential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	differential_run(data, size);
	return 0;
}
