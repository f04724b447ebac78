#include "spec-tests/wasi_program.h"

#include "spec-tests/unpack.h"
#include "wasi/wasi.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Everything one run holds; program_clear() gives it back, the users first. */
struct program {
	json_t *manifest;
	char work[PATH_MAX]; /* holds the copy of the root folder */
	uint8_t *bytes;
	size_t size;
	struct module *module;
	struct caps *caps;
	struct wasi *wasi;
	struct store *store;
};

static void program_clear(struct program *p)
{
	if (p->store)
		store_destroy(p->store);
	wasi_destroy(p->wasi);
	caps_destroy(p->caps);
	if (p->module)
		module_destroy(p->module);
	free(p->bytes);
	json_decref(p->manifest);
	if (p->work[0])
		remove_tree(p->work);
}

static bool read_file(const char *path, uint8_t **bytes, size_t *size, struct error *err)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return error_set(err, ERROR_USAGE, "%s cannot be opened", path);
	fseek(file, 0, SEEK_END);
	*size = (size_t)ftell(file);
	rewind(file);
	*bytes = malloc(*size ? *size : 1);
	bool is_read = *bytes && fread(*bytes, 1, *size, file) == *size;
	fclose(file);
	return is_read || error_set(err, ERROR_USAGE, "%s cannot be read", path);
}

/* A program without a manifest has an empty one. */
static bool manifest_load(struct program *p, const char *path, struct error *err)
{
	json_error_t at;
	if (access(path, F_OK) != 0)
		p->manifest = json_object();
	else
		p->manifest = json_load_file(path, 0, &at);
	return p->manifest || error_set(err, ERROR_USAGE, "%s:%d: %s", path, at.line, at.text);
}

static int grant_strings(struct program *p, const char *title)
{
	const char *key;
	json_t *value;
	size_t i;
	int rc = caps_grant_arg(p->caps, strchr(title, '/') + 1);
	json_array_foreach(json_object_get(p->manifest, "args"), i, value)
	{
		if (rc == 0)
			rc = caps_grant_arg(p->caps, json_string_value(value));
	}
	json_object_foreach(json_object_get(p->manifest, "env"), key, value)
	{
		if (rc == 0)
			rc = caps_grant_env(p->caps, key, json_string_value(value));
	}
	return rc;
}

/* The suite wants pipes: an empty one to read from, buffers to write to. */
static int grant_streams(struct program *p)
{
	int ends[2];
	if (pipe(ends) < 0)
		return -1;
	close(ends[1]);
	int rc = caps_grant_stdin_fd(p->caps, ends[0]);
	close(ends[0]);
	if (rc == 0)
		rc = caps_grant_output_capture(p->caps, CAPS_STDOUT, CAPS_OUTPUT_DEFAULT);
	if (rc == 0)
		rc = caps_grant_output_capture(p->caps, CAPS_STDERR, CAPS_OUTPUT_DEFAULT);
	return rc;
}

static bool grant_root(struct program *p, const char *folder, struct error *err)
{
	const char *name = json_string_value(json_object_get(p->manifest, "root"));
	char from[PATH_MAX], to[PATH_MAX];
	if (!name)
		return true;
	if (!folder_make(p->work, err) || !path_join(from, sizeof from, folder, name) ||
	    !path_join(to, sizeof to, p->work, name) || !tree_copy(from, to, err))
		return error_set(err, ERROR_USAGE, "no copy of %s", name);
	return caps_grant_dir(p->caps, to, "/", CAPS_READ_WRITE) == 0 ||
	       error_set(err, ERROR_USAGE, "%s cannot be granted", to);
}

static bool grant(struct program *p, const char *title, const char *folder, struct error *err)
{
	p->caps = caps_create();
	if (!p->caps || grant_strings(p, title) != 0 || grant_streams(p) != 0 ||
	    caps_grant_clock(p->caps, CAPS_CLOCK_REAL, 0) != 0 || caps_grant_random(p->caps) != 0)
		return error_set(err, ERROR_NO_MEMORY, "the capability set cannot be filled");
	return grant_root(p, folder, err);
}

/* ERROR_EXIT is how a command ends that calls proc_exit; its status is the manifest's matter. */
static bool start(struct program *p, struct error *err)
{
	struct store_options options = {.unfolded = getenv("TIPHYS_SPEC_UNFOLDED")};
	p->module = module_load(p->bytes, p->size, NULL, err);
	p->wasi = p->module ? wasi_create(p->caps, err) : NULL;
	p->store = p->wasi ? store_create(&options, err) : NULL;
	if (!p->store)
		return false;
	struct instance *inst = instance_create(p->store, p->module, wasi_resolve, p->wasi, err);
	struct func *func = inst ? instance_export_func(inst, "_start") : NULL;
	if (inst && !func)
		return error_set(err, ERROR_LINK, "has no _start");
	return inst && func_call(p->store, func, NULL, NULL, err);
}

static bool check_output(const struct program *p, const char *key, enum caps_stream stream,
                         struct error *err)
{
	const char *expected = json_string_value(json_object_get(p->manifest, key));
	const char *got = caps_captured(p->caps, stream, NULL);
	if (!expected || strcmp(expected, got) == 0)
		return true;
	return error_set(err, ERROR_USAGE, "%s: \"%s\" was expected, got \"%.200s\"", key, expected,
	                 got);
}

static bool check_end(const struct program *p, const struct error *end, struct error *err)
{
	long long expected = json_integer_value(json_object_get(p->manifest, "exit_code"));
	const char *log = caps_captured(p->caps, CAPS_STDERR, NULL);
	size_t skip = strlen(log) > 400 ? strlen(log) - 400 : 0;
	if (end->kind != ERROR_NONE && end->kind != ERROR_EXIT) {
		char text[1024];
		return error_set(err, end->kind, "%s; stderr ends: %s",
		                 error_format(end, text, sizeof text), log + skip);
	}
	long long got = end->kind == ERROR_EXIT ? (long long)wasi_exit_status(p->wasi) : 0;
	if (got != expected)
		return error_set(err, ERROR_USAGE,
		                 "exit status %lld was expected, got %lld; stderr ends: %s", expected, got,
		                 log + skip);
	return check_output(p, "stdout", CAPS_STDOUT, err) &&
	       check_output(p, "stderr", CAPS_STDERR, err);
}

bool wasi_program_run(const char *root, const char *title, struct error *err)
{
	__attribute__((cleanup(program_clear))) struct program p = {0};
	char wasm[PATH_MAX], manifest[PATH_MAX], folder[PATH_MAX];
	if (!path_join(folder, sizeof folder, root, title) ||
	    snprintf(wasm, sizeof wasm, "%s.wasm", folder) >= (int)sizeof wasm ||
	    snprintf(manifest, sizeof manifest, "%s.json", folder) >= (int)sizeof manifest)
		return error_set(err, ERROR_USAGE, "%s: the path is too long", root);
	*strrchr(folder, '/') = '\0';
	if (!read_file(wasm, &p.bytes, &p.size, err) || !manifest_load(&p, manifest, err) ||
	    !grant(&p, title, folder, err))
		return false;
	struct error end = ERROR_INIT;
	start(&p, &end);
	return check_end(&p, &end, err);
}
