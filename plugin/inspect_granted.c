#include "plugin/inspect_granted.h"

#include "plugin/import_reach.h"
#include "plugin/suggest.h"
#include "validator/printable.h"

#include <stdio.h>
#include <string.h>

enum verdict { GRANTED, GRANTED_TO_READ, DENIED, NOT_NEEDED, NOT_SUPPORTED, UNKNOWN };

static const char *const verdict_words[] = {
    [GRANTED] = "granted",       [GRANTED_TO_READ] = "read only",   [DENIED] = "denied",
    [NOT_NEEDED] = "not needed", [NOT_SUPPORTED] = "not supported", [UNKNOWN] = "unknown",
};

/* What is said of one import. */
struct finding {
	enum verdict verdict;
	unsigned capabilities; /* bits 1 << enum capability: any of them is enough */
	bool is_read_only;     /* denied, for it writes and the grant is to read */
};

struct inspection {
	unsigned granted, used; /* bits 1 << enum capability */
	unsigned writable;      /* of what is granted: not to read alone */
	unsigned missing;       /* of what is denied, what a program stumbles over */
	bool has_unknown;
};

/* ---- what is granted ---- */

/* What can be granted to read alone. */
#define HAS_ACCESS (1u << CAP_FILES | 1u << CAP_BLOB | 1u << CAP_KV)

static bool take_access(enum capability id, bool is_read_only, struct inspection *inspection)
{
	unsigned bit = 1u << id;
	if (is_read_only && (HAS_ACCESS & bit) == 0) {
		fprintf(stderr, "tiphys inspect: --granted: %s has no :ro; files, blob and kv have\n",
		        capability_row(id)->name);
		return false;
	}
	inspection->granted |= bit;
	inspection->writable |= is_read_only ? 0 : bit;
	return true;
}

/* NAME or NAME:ro */
static bool take_name(const char *name, size_t len, struct inspection *inspection)
{
	bool is_read_only = len > 3 && memcmp(name + len - 3, ":ro", 3) == 0;
	len -= is_read_only ? 3 : 0;
	for (int id = 0; id < CAPABILITY_COUNT; id++) {
		const char *known = capability_row((enum capability)id)->name;
		if (strlen(known) == len && memcmp(known, name, len) == 0)
			return take_access((enum capability)id, is_read_only, inspection);
	}
	char typed[SUGGEST_NAME_MAX + 1];
	struct suggestion suggestion;
	snprintf(typed, sizeof typed, "%.*s", (int)(len < SUGGEST_NAME_MAX ? len : SUGGEST_NAME_MAX),
	         name);
	suggestion_init(&suggestion, typed);
	for (int id = 0; id < CAPABILITY_COUNT; id++)
		suggestion_offer(&suggestion, capability_row((enum capability)id)->name);
	fprintf(stderr, "tiphys inspect: --granted: \"%s\" is no capability%s%s%s\n", typed,
	        suggestion.best != NULL ? "; did you mean " : "",
	        suggestion.best != NULL ? suggestion.best : "", suggestion.best != NULL ? "?" : "");
	return false;
}

static bool take_names(const char *names, struct inspection *inspection)
{
	while (*names != '\0') {
		size_t len = strcspn(names, ",");
		if (!take_name(names, len, inspection))
			return false;
		names += len + (names[len] == ',');
	}
	return true;
}

/* ---- what an import needs ---- */

/* A call that succeeds and gives nothing makes no program stumble. */
static bool is_empty_when_denied(unsigned capabilities)
{
	for (int id = 0; id < CAPABILITY_COUNT; id++) {
		if (capabilities == 1u << id)
			return capability_row((enum capability)id)->denial_is_empty;
	}
	return false;
}

/* By what a call can do under the grants. */
static enum verdict decide(const struct wasi_function *function, unsigned capabilities,
                           const struct inspection *inspection)
{
	unsigned granted = capabilities & inspection->granted;
	if (capabilities == 0)
		return NOT_NEEDED;
	if ((granted & inspection->writable) != 0)
		return GRANTED;
	if (granted == 0 || function->access == WASI_WRITES)
		return DENIED;
	return function->access == WASI_READS ? GRANTED : GRANTED_TO_READ;
}

static struct finding find(const struct module *module, const struct import *import,
                           struct inspection *inspection)
{
	const struct wasi_function *function = import_function(import);
	struct finding finding = {.verdict = UNKNOWN};
	if (function == NULL) {
		/* What links can be called, and most modules that import it cope without. */
		if (wasi_is_unknown(import))
			finding.verdict = NOT_SUPPORTED;
		else
			inspection->has_unknown = true;
		return finding;
	}
	struct import_reach reach = import_reach(module, function);
	finding.capabilities = reach.any;
	finding.verdict = decide(function, finding.capabilities, inspection);
	finding.is_read_only =
	    finding.verdict == DENIED && (finding.capabilities & inspection->granted) != 0;
	inspection->used |= reach.asks;
	if (finding.verdict == DENIED && !reach.is_idle && !is_empty_when_denied(finding.capabilities))
		inspection->missing |= reach.asks;
	return finding;
}

/* Every run has its own name for an argument: nobody can leave that away. */
static unsigned spare(const struct inspection *inspection)
{
	return inspection->granted & ~inspection->used & ~(1u << CAP_ARGS);
}

static void print_names(unsigned capabilities, const char *between)
{
	bool any = false;
	for (int id = 0; id < CAPABILITY_COUNT; id++) {
		if ((capabilities & 1u << id) != 0) {
			printf("%s%s", any ? between : "", capability_row((enum capability)id)->name);
			any = true;
		}
	}
}

/* ---- for people ---- */

/* The one capability that a finding is about; -1 when any of several would do, or none. */
static int only_capability(unsigned capabilities)
{
	for (int id = 0; id < CAPABILITY_COUNT; id++) {
		if (capabilities == 1u << id)
			return id;
	}
	return -1;
}

static const char *told_of_access(const struct finding *finding)
{
	if (finding->verdict == GRANTED_TO_READ)
		return "; the grant is ro: a call that would write is refused";
	return finding->is_read_only ? "; this writes, and the grant is ro" : "";
}

static void print_row(const struct import *import, const struct finding *finding)
{
	int width = printf("  %-13s ", verdict_words[finding->verdict]);
	width += (int)printable_write(import->module.data, import->module.len, stdout);
	putchar('.');
	width += 1 + (int)printable_write(import->name.data, import->name.len, stdout);
	printf("%*s", width < 56 ? 56 - width : 1, "");
	int id = only_capability(finding->capabilities);
	if (finding->verdict == UNKNOWN)
		printf("nothing provides it: the module cannot run\n");
	else if (finding->verdict == NOT_SUPPORTED)
		printf("this build does not know it; a call fails\n");
	else if (finding->verdict == NOT_NEEDED)
		printf("needs no grant\n");
	else if (id >= 0)
		printf("%s: %s%s%s%s\n", capability_row((enum capability)id)->name,
		       capability_row((enum capability)id)->sentence, told_of_access(finding),
		       finding->verdict == DENIED ? "; a call gets: " : "",
		       finding->verdict == DENIED ? capability_row((enum capability)id)->answer : "");
	else {
		printf("works on ");
		print_names(finding->capabilities, ", ");
		putchar('\n');
	}
}

static void print_table(const struct module *module, const char *path,
                        struct inspection *inspection)
{
	printf("%s: %u imports\n", path, module->import_count);
	for (uint32_t i = 0; i < module->import_count; i++) {
		struct finding finding = find(module, &module->imports[i], inspection);
		print_row(&module->imports[i], &finding);
	}
	if (spare(inspection) != 0) {
		printf("granted and not needed: ");
		print_names(spare(inspection), ", ");
		putchar('\n');
	}
	if (inspection->missing != 0) {
		printf("The module can ask for what is denied: ");
		print_names(inspection->missing, ", ");
		putchar('\n');
	} else if (!inspection->has_unknown) {
		printf("Nothing that the module can ask for and depend on is denied\n");
	}
}

/* ---- for programs ---- */

/* A module's names are UTF-8 already: the validator saw to it. */
static void print_json_text(const char *text, size_t len)
{
	putchar('"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_json_names(const char *key, unsigned capabilities)
{
	printf("\"%s\":[%s", key, capabilities != 0 ? "\"" : "");
	print_names(capabilities, "\",\"");
	printf("%s]", capabilities != 0 ? "\"" : "");
}

static void print_json(const struct module *module, struct inspection *inspection)
{
	printf("{\"imports\":[");
	for (uint32_t i = 0; i < module->import_count; i++) {
		const struct import *import = &module->imports[i];
		struct finding finding = find(module, import, inspection);
		printf("%s\n{\"module\":", i > 0 ? "," : "");
		print_json_text(import->module.data, import->module.len);
		printf(",\"name\":");
		print_json_text(import->name.data, import->name.len);
		printf(",\"verdict\":\"%s\",", verdict_words[finding.verdict]);
		print_json_names("capabilities", finding.capabilities);
		printf("}");
	}
	printf("],\n");
	print_json_names("denied", inspection->missing);
	printf(",\n");
	print_json_names("granted_not_needed", spare(inspection));
	printf(",\n\"can_run\":%s}\n",
	       inspection->missing == 0 && !inspection->has_unknown ? "true" : "false");
}

int inspect_granted(const struct module *module, const char *path, const char *names, bool as_json)
{
	struct inspection inspection = {0};
	if (!take_names(names, &inspection))
		return 2;
	if (as_json)
		print_json(module, &inspection);
	else
		print_table(module, path, &inspection);
	return inspection.missing != 0 || inspection.has_unknown;
}
