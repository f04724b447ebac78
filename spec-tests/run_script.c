#include "spec-tests/run_script.h"

#include "spec-tests/from_image.h"
#include "spec-tests/spectest.h"
#include "spec-tests/values.h"
#include "validator/hints.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum outcome { PASSED, FAILED, SKIPPED, TEXT };

/* A module of the script and its instance; either may be missing. */
struct unit {
	struct script_name name;
	int line;
	const char *skipped;   /* the feature it was refused for */
	struct module *module; /* NULL when it was refused or is no module */
	bool owns_module;
	struct image *image; /* the module is from; NULL: none */
	uint8_t *bytes;
	struct instance *inst;
};

struct registration {
	struct script_name as;
	struct unit *unit;
};

struct run {
	const struct script *script;
	const struct run_options *options;
	struct run_result *result;
	FILE *log;
	struct store_options store_options;
	struct store *store;
	struct spectest *spectest;

	struct unit *units; /* one for each command at most */
	size_t unit_count;
	struct unit *current;    /* the latest module or instance; NULL at the start */
	struct unit *definition; /* the latest definition */
	struct registration *registrations;
	size_t registration_count;

	const char *feature; /* of an outcome SKIPPED */
	char expected[256];  /* of an outcome FAILED */
	char got[1024];
	union value *args, *results; /* of the action that runs */
	size_t args_size, results_size;
};

static bool names_equal(struct script_name a, const char *data, size_t len)
{
	return a.data && a.len == len && memcmp(a.data, data, len) == 0;
}

__attribute__((format(printf, 3, 4))) static enum outcome
fail(struct run *run, const char *expected, const char *got, ...)
{
	va_list args;
	va_start(args, got);
	snprintf(run->expected, sizeof run->expected, "%s", expected);
	vsnprintf(run->got, sizeof run->got, got, args);
	va_end(args);
	return FAILED;
}

static enum outcome fail_with(struct run *run, const char *expected, const struct error *err)
{
	char text[900];
	return fail(run, expected, "%s", error_format(err, text, sizeof text));
}

static enum outcome skip(struct run *run, const char *feature)
{
	run->feature = feature ? feature : "unnamed feature";
	return SKIPPED;
}

/* ---- modules ---- */

static struct unit *find_unit(struct run *run, struct script_name name)
{
	for (size_t i = run->unit_count; i-- > 0;) {
		if (names_equal(run->units[i].name, name.data, name.len))
			return &run->units[i];
	}
	return NULL;
}

static struct unit *find_registered(struct run *run, struct name name)
{
	for (size_t i = run->registration_count; i-- > 0;) {
		if (names_equal(run->registrations[i].as, name.data, name.len))
			return run->registrations[i].unit;
	}
	return NULL;
}

static bool resolve(void *env, struct store *store, const struct import *import,
                    struct extern_val *out, struct error *err)
{
	struct run *run = env;
	(void)store;
	struct unit *unit = find_registered(run, import->module);
	if (unit)
		return unit->inst && instance_export(unit->inst, import->name.data, import->name.len, out);
	if (name_is(import->module, "spectest"))
		return spectest_export(run->spectest, import->name.data, import->name.len, out, err);
	return false;
}

static bool read_file(const char *dir, const char *name, uint8_t **bytes, size_t *size,
                      struct error *err)
{
	char path[4096];
	snprintf(path, sizeof path, "%s%s", dir, name);
	FILE *file = fopen(path, "rb");
	if (!file)
		return error_set_errno(err, errno, "%s", path);
	long end = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
	rewind(file);
	*bytes = end < 0 ? NULL : malloc((size_t)end + 1);
	*size = *bytes ? fread(*bytes, 1, (size_t)end, file) : 0;
	bool is_read = *bytes && *size == (size_t)end;
	fclose(file);
	return is_read || error_set(err, ERROR_SYSTEM, "%s: cannot be read", path);
}

/* A module that was refused may have written to the memories, tables and globals that it would have
 * imported: what later commands see of those would be wrong. Its imports cannot be read, so every
 * registered module whose name stands in its bytes is skipped from here on for the same feature. */
static void skip_sources(struct run *run, const struct unit *refused, size_t size)
{
	for (size_t i = 0; i < run->registration_count; i++) {
		struct registration *registration = &run->registrations[i];
		uint8_t name[128] = {(uint8_t)registration->as.len};
		if (registration->as.len >= sizeof name)
			continue;
		memcpy(name + 1, registration->as.data, registration->as.len);
		if (!registration->unit->skipped &&
		    memmem(refused->bytes, size, name, registration->as.len + 1))
			registration->unit->skipped = refused->skipped;
	}
}

static struct unit *load(struct run *run, const struct command *command, struct error *err)
{
	struct unit *unit = &run->units[run->unit_count++];
	struct module_options options = {.features = run->options->features};
	size_t size;
	unit->name = command->name;
	unit->line = command->line;
	unit->owns_module = true;
	if (read_file(run->script->dir, command->filename, &unit->bytes, &size, err))
		unit->module = module_load(unit->bytes, size, &options, err);
	if (unit->module && run->options->images) {
		unit->image =
		    from_image(&unit->module, unit->bytes, size, &options, &run->store_options, err);
		if (!unit->image) {
			module_destroy(unit->module);
			unit->module = NULL;
		}
	}
	if (!unit->module && err->kind == ERROR_UNSUPPORTED) {
		unit->skipped = err->feature ? err->feature : "unnamed feature";
		bool would_run =
		    command->type == COMMAND_MODULE || command->type == COMMAND_ASSERT_UNINSTANTIABLE;
		if (would_run)
			skip_sources(run, unit, size);
	}
	return unit;
}

/* A module that imports from one that was skipped is skipped for the same feature. */
static bool instantiate(struct run *run, struct unit *unit, struct error *err)
{
	for (uint32_t i = 0; i < unit->module->import_count; i++) {
		struct unit *source = find_registered(run, unit->module->imports[i].module);
		if (source && source->skipped) {
			unit->skipped = source->skipped;
			error_set(err, ERROR_UNSUPPORTED, "imports from a module that was skipped");
			err->feature = source->skipped;
			return false;
		}
	}
	if (unit->image)
		store_use_image(run->store, unit->module, unit->image);
	unit->inst = instance_create(run->store, unit->module, resolve, run, err);
	if (!unit->inst && err->kind == ERROR_UNSUPPORTED)
		unit->skipped = err->feature ? err->feature : "unnamed feature";
	return unit->inst;
}

static enum outcome run_module(struct run *run, const struct command *command)
{
	struct error err = ERROR_INIT;
	struct unit *unit = load(run, command, &err);
	if (command->type == COMMAND_MODULE_DEFINITION)
		run->definition = unit;
	else
		run->current = unit;
	if (unit->module &&
	    (command->type == COMMAND_MODULE_DEFINITION || instantiate(run, unit, &err)))
		return PASSED;
	return unit->skipped ? skip(run, unit->skipped) : fail_with(run, "a valid module", &err);
}

static enum outcome run_instance(struct run *run, const struct command *command)
{
	struct error err = ERROR_INIT;
	struct unit *from = command->name.data ? find_unit(run, command->name) : run->definition;
	struct unit *unit = &run->units[run->unit_count++];
	unit->name = command->as;
	unit->line = command->line;
	run->current = unit;
	if (from && from->skipped)
		unit->skipped = from->skipped;
	if (unit->skipped)
		return skip(run, unit->skipped);
	if (!from || !from->module)
		return fail(run, "an instance", "no such definition");
	unit->module = from->module;
	if (instantiate(run, unit, &err))
		return PASSED;
	return unit->skipped ? skip(run, unit->skipped) : fail_with(run, "an instance", &err);
}

static enum outcome run_register(struct run *run, const struct command *command)
{
	struct unit *unit = command->name.data ? find_unit(run, command->name) : run->current;
	if (!unit)
		return fail(run, "a module to register", "none of that name");
	run->registrations[run->registration_count++] = (struct registration){command->as, unit};
	if (unit->skipped)
		return skip(run, unit->skipped);
	return unit->inst ? PASSED : fail(run, "a module", "the module of line %d failed", unit->line);
}

/* ---- rejections ---- */

static enum outcome count_words(struct run *run, const struct command *command,
                                const struct error *err)
{
	run->result->rejections++;
	if (!command->text || strstr(err->message, command->text))
		run->result->worded++;
	else if (run->options->failures_shown == 0)
		fprintf(run->log, "  line %d: the words \"%s\" are not in: %s\n", command->line,
		        command->text, err->message);
	return PASSED;
}

static bool is_turned_off(const struct run *run, const char *feature)
{
	enum feature found = feature_find(feature);
	uint64_t on = run->options->features ? run->options->features : FEATURES_DEFAULT;
	return found != FEATURE_COUNT && (FEATURES_IMPLEMENTED & ~on) >> found & 1;
}

static enum outcome run_rejected(struct run *run, const struct command *command)
{
	struct error err = ERROR_INIT;
	struct unit *unit = load(run, command, &err);
	bool is_malformed = command->type == COMMAND_ASSERT_MALFORMED;
	/* What the script's group does not turn on is invalid or malformed to it. */
	if (unit->skipped && is_turned_off(run, unit->skipped))
		return count_words(run, command, &err);
	if (unit->skipped)
		return skip(run, unit->skipped);
	if (!unit->module &&
	    (err.kind == ERROR_MALFORMED || (err.kind == ERROR_INVALID && !is_malformed)))
		return count_words(run, command, &err);

	char expected[256];
	snprintf(expected, sizeof expected, "%s module: %s", is_malformed ? "malformed" : "invalid",
	         command->text ? command->text : "");
	return unit->module ? fail(run, expected, "the module was accepted")
	                    : fail_with(run, expected, &err);
}

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The suite's words may say more than the engine's ("uninitialized element 2") or less. */
static bool trap_fits(const struct run *run, const struct command *command, const struct error *err)
{
	const char *words = trap_words(store_trap(run->store)->trap);
	return err->kind == ERROR_TRAP && command->text &&
	       (has_prefix(words, command->text) || has_prefix(command->text, words));
}

static enum outcome run_not_instantiated(struct run *run, const struct command *command)
{
	struct error err = ERROR_INIT;
	struct unit *unit = load(run, command, &err);
	if (!unit->module)
		return unit->skipped ? skip(run, unit->skipped) : fail_with(run, command->text, &err);
	if (instantiate(run, unit, &err))
		return fail(run, command->text, "the module was instantiated");
	if (unit->skipped)
		return skip(run, unit->skipped);
	bool is_as_told = command->type == COMMAND_ASSERT_UNLINKABLE
	                      ? err.kind == ERROR_LINK && strstr(err.message, command->text)
	                      : trap_fits(run, command, &err);
	return is_as_told ? PASSED : fail_with(run, command->text, &err);
}

/* ---- actions ---- */

static bool reserve(union value **values, size_t *size, size_t count, struct error *err)
{
	if (count < *size)
		return true;
	union value *more = realloc(*values, (count + 1) * sizeof **values);
	if (!more)
		return error_set(err, ERROR_NO_MEMORY, "%zu values", count);
	*values = more;
	*size = count + 1;
	return true;
}

/* What an action gave: count values of these types in run->results. */
struct given {
	const valtype *types;
	size_t count;
	valtype one;
};

static bool get_global(struct run *run, const struct extern_val *from, struct given *given,
                       struct error *err)
{
	if (from->kind != EXTERN_GLOBAL)
		return error_set(err, ERROR_USAGE, "the export is a %s", extern_kind_name(from->kind));
	if (!reserve(&run->results, &run->results_size, 1, err))
		return false;
	given->one = global_type(from->as.global)->type;
	given->types = &given->one;
	given->count = 1;
	run->results[0] = global_value(from->as.global);
	return true;
}

static bool invoke(struct run *run, const struct command *command, const struct extern_val *callee,
                   struct given *given, struct error *err)
{
	if (callee->kind != EXTERN_FUNC)
		return error_set(err, ERROR_USAGE, "the export is a %s", extern_kind_name(callee->kind));
	const struct functype *type = func_type(callee->as.func);
	if (type->param_count != command->arg_count)
		return error_set(err, ERROR_USAGE, "%zu arguments for %u parameters", command->arg_count,
		                 type->param_count);
	if (!reserve(&run->args, &run->args_size, type->param_count, err) ||
	    !reserve(&run->results, &run->results_size, type->result_count, err))
		return false;
	for (uint32_t i = 0; i < type->param_count; i++) {
		if (!value_from_script(&command->args[i], type->params[i], &run->args[i], err))
			return false;
	}
	given->types = type->results;
	given->count = type->result_count;
	return func_call(run->store, callee->as.func, run->args, run->results, err);
}

/* PASSED when the action ran to its end; SKIPPED; FAILED with err set. */
static enum outcome act(struct run *run, const struct command *command, struct given *given,
                        struct error *err)
{
	struct unit *unit = command->module.data ? find_unit(run, command->module) : run->current;
	struct extern_val found;
	if (unit && unit->skipped)
		return skip(run, unit->skipped);
	if (!unit)
		error_set(err, ERROR_USAGE, "there is no such module");
	else if (!unit->inst)
		error_set(err, ERROR_USAGE, "the module of line %d failed", unit->line);
	else if (!instance_export(unit->inst, command->field.data, command->field.len, &found))
		error_set(err, ERROR_USAGE, "the module of line %d has no such export", unit->line);
	else if (command->is_get ? get_global(run, &found, given, err)
	                         : invoke(run, command, &found, given, err))
		return PASSED;
	return FAILED;
}

static enum outcome run_action(struct run *run, const struct command *command)
{
	struct error err = ERROR_INIT;
	struct given given = {0};
	enum outcome outcome = act(run, command, &given, &err);
	return outcome == FAILED ? fail_with(run, "a return", &err) : outcome;
}

static void format_expected(const struct command *command, char *buf, size_t size)
{
	size_t used = (size_t)snprintf(buf, size, "[");
	for (size_t i = 0; i < command->expected_count && used < size; i++) {
		char text[160];
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "",
		                         script_value_format(&command->expected[i], text, sizeof text));
	}
	if (used < size)
		snprintf(buf + used, size - used, "]");
}

static void format_given(const struct run *run, const struct given *given, char *buf, size_t size)
{
	size_t used = (size_t)snprintf(buf, size, "[");
	for (size_t i = 0; i < given->count && used < size; i++) {
		char text[160];
		used +=
		    (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "",
		                     value_format(given->types[i], &run->results[i], text, sizeof text));
	}
	if (used < size)
		snprintf(buf + used, size - used, "]");
}

static enum outcome run_return(struct run *run, const struct command *command)
{
	struct error err = ERROR_INIT;
	struct given given = {0};
	char expected[256], got[256];
	enum outcome outcome = act(run, command, &given, &err);
	if (outcome == FAILED) {
		format_expected(command, expected, sizeof expected);
		return fail_with(run, expected, &err);
	}
	if (outcome != PASSED)
		return outcome;
	bool is_equal = given.count == command->expected_count;
	for (size_t i = 0; is_equal && i < given.count; i++)
		is_equal =
		    value_matches(run->store, &command->expected[i], given.types[i], &run->results[i]);
	if (is_equal)
		return PASSED;
	format_expected(command, expected, sizeof expected);
	format_given(run, &given, got, sizeof got);
	return fail(run, expected, "%s", got);
}

static enum outcome run_trap(struct run *run, const struct command *command)
{
	static const struct command uncaught = {.text = "uncaught exception"};
	struct error err = ERROR_INIT;
	struct given given = {0};
	bool is_exception = command->type == COMMAND_ASSERT_EXCEPTION;
	const char *words = is_exception ? uncaught.text : command->text;
	enum outcome outcome = act(run, command, &given, &err);
	if (outcome == SKIPPED)
		return outcome;
	if (outcome == PASSED) {
		char got[256];
		format_given(run, &given, got, sizeof got);
		return fail(run, words, "%s", got);
	}
	if (trap_fits(run, is_exception ? &uncaught : command, &err))
		return PASSED;
	return fail_with(run, words, &err);
}

/* A broken custom section never makes a module invalid (spec: appendix): it loads, and the check of
 * the section refuses it. */
static enum outcome run_custom(struct run *run, const struct command *command)
{
	struct error err = ERROR_INIT;
	struct unit *unit = load(run, command, &err);
	if (unit->skipped)
		return skip(run, unit->skipped);
	if (!unit->module)
		return fail_with(run, "a module with a broken custom section", &err);
	if (branch_hints_check(unit->module, &err))
		return fail(run, command->text, "no fault found");
	return count_words(run, command, &err);
}

/* ---- the loop ---- */

static enum outcome run_command(struct run *run, const struct command *command)
{
	if (command->is_text)
		return TEXT;
	switch (command->type) {
	case COMMAND_MODULE:
	case COMMAND_MODULE_DEFINITION:
		return run_module(run, command);
	case COMMAND_MODULE_INSTANCE:
		return run_instance(run, command);
	case COMMAND_REGISTER:
		return run_register(run, command);
	case COMMAND_ACTION:
		return run_action(run, command);
	case COMMAND_ASSERT_RETURN:
		return run_return(run, command);
	case COMMAND_ASSERT_TRAP:
	case COMMAND_ASSERT_EXHAUSTION:
	case COMMAND_ASSERT_EXCEPTION:
		return run_trap(run, command);
	case COMMAND_ASSERT_INVALID:
	case COMMAND_ASSERT_MALFORMED:
		return run_rejected(run, command);
	case COMMAND_ASSERT_UNLINKABLE:
	case COMMAND_ASSERT_UNINSTANTIABLE:
		return run_not_instantiated(run, command);
	case COMMAND_ASSERT_MALFORMED_CUSTOM:
	case COMMAND_ASSERT_INVALID_CUSTOM:
		return run_custom(run, command);
	default:
		return fail(run, "a known command", "type %d", (int)command->type);
	}
}

static void count_skip(struct run_result *result, const char *feature, uint32_t assertions)
{
	uint32_t i = 0;
	while (i < result->skip_count && strcmp(result->skips[i].feature, feature) != 0)
		i++;
	if (i == RUN_SKIPS_MAX)
		i--;
	else if (i == result->skip_count) {
		snprintf(result->skips[i].feature, sizeof result->skips[i].feature, "%s", feature);
		result->skip_count++;
	}
	result->skips[i].assertions += assertions;
}

static void log_failure(struct run *run, const struct command *command)
{
	uint32_t nth = run->result->failed + run->result->broken;
	uint32_t shown = run->options->failures_shown;
	if (shown && nth > shown) {
		if (nth == shown + 1)
			fprintf(run->log, "  %s: more failures are not shown\n", run->script->title);
		return;
	}
	fprintf(run->log, "  %s line %d: %s", run->script->title, command->line,
	        command_word(command->type));
	if (command->filename)
		fprintf(run->log, " %s", command->filename);
	if (command->field.data) {
		fprintf(run->log, " \"%s\"", command->field.data);
		for (size_t i = 0; i < command->arg_count; i++) {
			char text[160];
			fprintf(run->log, "%s%s", i ? ", " : " (",
			        script_value_format(&command->args[i], text, sizeof text));
		}
		fputs(command->arg_count ? ")" : "", run->log);
	}
	fprintf(run->log, "\n    expected: %s\n    got:      %s\n", run->expected, run->got);
}

static void count(struct run *run, const struct command *command, enum outcome outcome)
{
	struct run_result *result = run->result;
	result->commands++;
	if (!command_is_assertion(command->type)) {
		result->broken += outcome == FAILED;
	} else {
		result->assertions++;
		result->passed += outcome == PASSED;
		result->failed += outcome == FAILED;
		result->text += outcome == TEXT;
		result->skipped += outcome == SKIPPED;
		if (outcome == SKIPPED)
			count_skip(result, run->feature, 1);
	}
	if (outcome == FAILED)
		log_failure(run, command);
}

static void clear(struct run *run)
{
	spectest_destroy(run->spectest);
	store_destroy(run->store);
	for (size_t i = 0; i < run->unit_count; i++) {
		if (run->units[i].owns_module)
			module_destroy(run->units[i].module);
		image_close(run->units[i].image);
		free(run->units[i].bytes);
	}
	free(run->units);
	free(run->registrations);
	free(run->args);
	free(run->results);
}

bool run_script(const struct script *script, const struct run_options *options,
                struct run_result *result, FILE *log, struct error *err)
{
	struct run run = {
	    .script = script,
	    .options = options,
	    .result = result,
	    .log = log,
	    .store_options =
	        {
	            .unfolded = options->unfolded,
	            .collect_always = options->collect_always,
	            .checked_memory = options->checked_memory,
	        },
	};
	*result = (struct run_result){0};
	run.units = calloc(script->command_count + 1, sizeof *run.units);
	run.registrations = calloc(script->command_count + 1, sizeof *run.registrations);
	bool is_ready = run.units && run.registrations;
	if (!is_ready)
		error_set(err, ERROR_NO_MEMORY, "%s", script->title);
	is_ready = is_ready && (run.store = store_create(&run.store_options, err)) &&
	           (run.spectest = spectest_create(run.store, err));
	for (size_t i = 0; is_ready && i < script->command_count; i++)
		count(&run, &script->commands[i], run_command(&run, &script->commands[i]));
	clear(&run);
	return is_ready;
}

void run_result_add(struct run_result *total, const struct run_result *part)
{
	total->commands += part->commands;
	total->assertions += part->assertions;
	total->passed += part->passed;
	total->failed += part->failed;
	total->skipped += part->skipped;
	total->text += part->text;
	total->broken += part->broken;
	total->rejections += part->rejections;
	total->worded += part->worded;
	for (uint32_t i = 0; i < part->skip_count; i++)
		count_skip(total, part->skips[i].feature, part->skips[i].assertions);
}
