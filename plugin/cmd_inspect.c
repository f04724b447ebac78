/* tiphys inspect FILE: what a module holds, and in plain words what it can ask for. */
#include "plugin/command.h"
#include "plugin/load_rules.h"
#include "plugin/import_reach.h"
#include "plugin/inspect_granted.h"
#include "plugin/module_file.h"
#include "plugin/options.h"
#include "plugin/policy_handover.h"
#include "validator/printable.h"

#include <inttypes.h>

struct inspect_options {
	struct option_texts policies; /* at most one */
	const char *granted;
	bool json;
	struct load_words load;
};

static const struct option rows[] = {
    OPTION_TEXTS(struct inspect_options, policies, "policy", "FILE",
                 "say for each import whether that policy grants what it reaches"),
    OPTION_TEXT_OR_EMPTY(
        struct inspect_options, granted, "granted", "NAMES",
        "as --policy, of a policy that grants these capabilities: stdout,clock,kv:ro,…"),
    OPTION_FLAG(struct inspect_options, json, "json", "with them: answer in JSON, for programs"),
    OPTION_ENABLE(struct inspect_options), OPTION_LIMIT(struct inspect_options)};

static const struct command_line line = {
    .name = "inspect",
    .operands = "FILE",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 1,
    .operands_max = 1,
    .notes = "Exit status: 0; 1 when FILE is no valid module, or needs what the policy denies; 2 "
             "wrong usage.\n",
};

static void print_sections(const struct module *module)
{
	uint32_t custom = 0;

	printf("\nsections                 offset        bytes\n");
	for (uint32_t i = 0; i < module->section_count; i++) {
		const struct section *section = &module->sections[i];
		size_t width = (size_t)printf("  %s", section_id_name(section->id));
		if (section->id == 0 && custom < module->custom_count) {
			struct name name = module->customs[custom++].name;
			putchar(' ');
			width += 1 + printable_write(name.data, name.len, stdout);
		}
		printf("%*s0x%08" PRIx32 " %12" PRIu32 "\n", width < 21 ? (int)(21 - width) : 1, "",
		       section->offset, section->size);
	}
}

/* The features without which the module is refused, found by refusing each in turn. */
static void print_features(const struct module *module)
{
	bool any = false;

	printf("\nfeatures beyond the first WebAssembly\n");
	for (int feature = FEATURE_MVP + 1; feature < FEATURE_COUNT; feature++) {
		uint64_t bit = UINT64_C(1) << feature;
		if ((module->features & FEATURES_IMPLEMENTED & bit) == 0)
			continue;
		struct module_options without = {.features = module->features & ~bit,
		                                 .limits = &module->limits};
		struct error err = ERROR_INIT;
		struct module *loaded = module_load(module->bytes, module->size, &without, &err);
		if (loaded == NULL) {
			printf("  %s\n", feature_name((enum feature)feature));
			any = true;
		}
		module_destroy(loaded);
	}
	if (!any)
		printf("  none\n");
}

static void print_limits(const struct limits *limits, const char *unit)
{
	if (limits->has_max)
		printf("%" PRIu64 " to %" PRIu64 " %s", limits->min, limits->max, unit);
	else
		printf("%" PRIu64 " %s or more", limits->min, unit);
}

static void print_address_type(const struct limits *limits)
{
	if (limits->is_64)
		printf(", 64-bit addresses");
}

static void print_global_type(const struct global_type *type)
{
	char words[32];
	printf("%s %s", type->is_mutable ? "variable" : "constant", valtype_name(type->type, words));
}

static void print_table_type(const struct table_type *type)
{
	char words[32];
	printf("%s, ", valtype_name(type->element, words));
	print_limits(&type->limits, "elements");
	print_address_type(&type->limits);
}

static void print_functype(const struct functype *type)
{
	char words[512];
	printf("%s", functype_name(type, words, sizeof words));
}

static void print_memory_type(const struct memory_type *type)
{
	char unit[48];
	snprintf(unit, sizeof unit, "pages of %" PRIu64 " bytes", UINT64_C(1) << type->page_size_log2);
	print_limits(&type->limits, unit);
	print_address_type(&type->limits);
	if (type->limits.is_shared)
		printf(", shared");
}

static void print_imports(const struct module *module)
{
	printf("\nimports\n");
	for (uint32_t i = 0; i < module->import_count; i++) {
		const struct import *import = &module->imports[i];
		printf("  %s ", extern_kind_name(import->kind));
		printable_write(import->module.data, import->module.len, stdout);
		putchar('.');
		printable_write(import->name.data, import->name.len, stdout);
		printf(": ");
		switch (import->kind) {
		case EXTERN_FUNC:
			print_functype(import->type.func);
			break;
		case EXTERN_TABLE:
			print_table_type(&import->type.table);
			break;
		case EXTERN_MEMORY:
			print_memory_type(&import->type.memory);
			break;
		case EXTERN_GLOBAL:
			print_global_type(&import->type.global);
			break;
		case EXTERN_TAG:
			break;
		}
		putchar('\n');
	}
	if (module->import_count == 0)
		printf("  none\n");
}

static void print_exports(const struct module *module)
{
	printf("\nexports\n");
	for (uint32_t i = 0; i < module->export_count; i++) {
		const struct export *export = &module->exports[i];
		printf("  %s ", extern_kind_name(export->kind));
		printable_write(export->name.data, export->name.len, stdout);
		printf(": ");
		switch (export->kind) {
		case EXTERN_FUNC:
			print_functype(module_func_type(module, export->index));
			break;
		case EXTERN_TABLE:
			print_table_type(&module->tables[export->index].type);
			break;
		case EXTERN_MEMORY:
			print_memory_type(&module->memories[export->index]);
			break;
		case EXTERN_GLOBAL:
			print_global_type(&module->globals[export->index].type);
			break;
		case EXTERN_TAG:
			break;
		}
		putchar('\n');
	}
	if (module->export_count == 0)
		printf("  none\n");
}

/* What a module's imports lead to. */
struct reach {
	unsigned asks;    /* bits 1 << enum capability */
	uint32_t unknown; /* functions of WASI that this build answers by NOSYS */
	uint32_t foreign; /* imports that tiphys run has no answer to */
};

static bool is_foreign(const struct import *import)
{
	return !wasi_is_unknown(import) && import_function(import) == NULL;
}

static struct reach find_reach(const struct module *module)
{
	struct reach reach = {0};

	for (uint32_t i = 0; i < module->import_count; i++) {
		const struct import *import = &module->imports[i];
		const struct wasi_function *function = import_function(import);
		if (function != NULL)
			reach.asks |= import_reach(module, function).asks;
		else if (wasi_is_unknown(import))
			reach.unknown++;
		else
			reach.foreign++;
	}
	return reach;
}

/* The ways out of the machine; together they have a plainer word. */
#define NETWORK (1u << CAP_HTTP | 1u << CAP_BLOB | 1u << CAP_SOCKETS)

static void print_beyond_reach(unsigned asks)
{
	unsigned untold = ~asks;

	printf("It cannot, whatever is granted\n");
	if ((asks & NETWORK) == 0) {
		printf("  reach the network\n");
		untold &= ~NETWORK;
	}
	for (int id = 0; id < CAPABILITY_COUNT; id++)
		if ((untold & 1u << id) != 0)
			printf("  %s\n", capability_row((enum capability)id)->deed);
	printf("It %s\n", limit_row(LIMIT_PROCESSES)->sentence);
}

static void print_unanswered(const struct module *module, uint32_t count,
                             bool (*is_such)(const struct import *),
                             const char *(*advise)(const struct import *), const char *heading)
{
	if (count == 0)
		return;
	printf("%s\n", heading);
	for (uint32_t i = 0; i < module->import_count; i++) {
		const struct import *import = &module->imports[i];
		if (!is_such(import))
			continue;
		printf("  %s ", extern_kind_name(import->kind));
		printable_write(import->module.data, import->module.len, stdout);
		putchar('.');
		printable_write(import->name.data, import->name.len, stdout);
		if (advise != NULL)
			printf(": %s", advise(import));
		putchar('\n');
	}
}

static void print_reach(const struct module *module)
{
	struct reach reach = find_reach(module);
	printf("\nWhen it is granted, the module\n");
	for (int id = 0; id < CAPABILITY_COUNT; id++) {
		const struct capability_row *row = capability_row((enum capability)id);
		if ((reach.asks & 1u << id) != 0)
			printf("  %s (%s)\n", row->sentence, row->option);
	}
	if (reach.asks == 0)
		printf("  asks for nothing: it can only compute\n");

	print_beyond_reach(reach.asks);
	print_unanswered(
	    module, reach.unknown, wasi_is_unknown, NULL,
	    "Not known to this build: a call gets \"function not supported\", or traps when it "
	    "has no result for it");
	print_unanswered(module, reach.foreign, is_foreign, wasi_foreign_advice,
	                 "It does not run by itself: nothing here provides");
}

int cmd_inspect(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	struct inspect_options options = {0};
	struct operands files;
	struct load_rules rules;
	int status;
	if (!options_take(&line, argc, argv, &options, &files, &status))
		return status;

	if (options.policies.count > 0) {
		status = policy_handover("inspect-policy", &options.policies, argc, argv, &files);
		option_texts_clear(&options.policies);
		load_words_clear(&options.load);
		return status;
	}
	if (options.json && options.granted == NULL)
		error_set(&err, ERROR_USAGE, "--json goes with --policy FILE or --granted NAMES");
	bool is_known = load_rules_read(&options.load, &rules, &err) && err.kind == ERROR_NONE;
	load_words_clear(&options.load);
	if (!is_known) {
		fprintf(stderr, "tiphys inspect: %s\n", err.message);
		return error_exit_status(err.kind);
	}
	const char *path = files.items[0];
	cleanup_module_file struct module_file file = {0};
	if (!module_file_load(&file, path, &rules, &err)) {
		char text[sizeof err.message + 128];
		fprintf(stderr, "%s: %s\n", path, error_format(&err, text, sizeof text));
		return error_exit_status(err.kind);
	}
	if (options.granted != NULL)
		return inspect_granted(file.module, path, options.granted, options.json);
	printf("%s: a valid module of %zu bytes\n", path, file.size);
	print_reach(file.module);
	print_imports(file.module);
	print_exports(file.module);
	print_features(file.module);
	print_sections(file.module);
	return 0;
}
