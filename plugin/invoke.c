#include "plugin/invoke.h"

#include "caps/cleanup.h"

#include <inttypes.h>
#include <string.h>

/* bits: 32 or 64. Accepts -2^(bits-1) … 2^bits - 1. */
static bool parse_int(const char *text, unsigned bits, uint64_t *value)
{
	const char *digits = text + (*text == '-' || *text == '+');
	char *end;

	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	uint64_t size = strtoull(digits, &end, strncmp(digits, "0x", 2) == 0 ? 16 : 10);
	if (errno != 0 || *end != '\0' || (bits == 32 && size > UINT32_MAX))
		return false;
	if (*text == '-') {
		if (size > UINT64_C(1) << (bits - 1))
			return false;
		size = -size;
	}
	*value = size;
	return true;
}

bool invoke_parse_value(valtype type, const char *text, union value *value)
{
	uint64_t bits;
	char *end;

	memset(value, 0, sizeof *value);
	switch (type) {
	case VAL_I32:
		if (!parse_int(text, 32, &bits))
			return false;
		value->i32 = (uint32_t)bits;
		return true;
	case VAL_I64:
		return parse_int(text, 64, &value->i64);
	case VAL_F32:
		value->f32 = strtof(text, &end);
		return *text != '\0' && *end == '\0';
	case VAL_F64:
		value->f64 = strtod(text, &end);
		return *text != '\0' && *end == '\0';
	default:
		return false;
	}
}

void invoke_print_value(valtype type, union value value, FILE *out)
{
	switch (type) {
	case VAL_I32:
		fprintf(out, "%" PRId32 "\n", (int32_t)value.i32);
		break;
	case VAL_I64:
		fprintf(out, "%" PRId64 "\n", (int64_t)value.i64);
		break;
	case VAL_F32:
		fprintf(out, "%.9g\n", (double)value.f32);
		break;
	case VAL_F64:
		fprintf(out, "%.17g\n", value.f64);
		break;
	case VAL_V128:
		fprintf(out, "0x");
		for (int i = 15; i >= 0; i--)
			fprintf(out, "%02x", value.v128[i]);
		fprintf(out, "\n");
		break;
	default:
		fprintf(out, "%s\n", value.ref == 0 ? "null" : "reference");
		break;
	}
}

static bool parse_args(const struct functype *type, const char *name, const struct operands *args,
                       union value *values, struct error *err)
{
	char words[256];

	if (args->count != type->param_count)
		return error_set(err, ERROR_USAGE, "%s: %s wants %u arguments, not %u", name,
		                 functype_name(type, words, sizeof words), type->param_count, args->count);
	for (unsigned i = 0; i < args->count; i++)
		if (!invoke_parse_value(type->params[i], args->items[i], &values[i]))
			return error_set(err, ERROR_USAGE, "%s: argument %u: \"%s\" is no %s", name, i + 1,
			                 args->items[i], valtype_name(type->params[i], words));
	return true;
}

bool invoke(struct store *store, const struct instance *inst, const char *name,
            const struct operands *args, FILE *out, struct error *err)
{
	struct func *func = instance_export_func(inst, name);
	if (func == NULL)
		return error_set(err, ERROR_USAGE,
		                 "no function is exported as \"%s\"; `tiphys inspect` lists the exports",
		                 name);

	const struct functype *type = func_type(func);
	/* One more than needed, since calloc(0) may answer NULL. */
	cleanup_free union value *values = calloc(type->param_count + 1, sizeof *values);
	cleanup_free union value *results = calloc(type->result_count + 1, sizeof *results);
	if (values == NULL || results == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the arguments");
	if (!parse_args(type, name, args, values, err) || !func_call(store, func, values, results, err))
		return false;
	for (uint32_t i = 0; i < type->result_count; i++)
		invoke_print_value(type->results[i], results[i], out);
	return true;
}
