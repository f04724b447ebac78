#include "bench/inside.h"

#include "plugin/images.h"
#include "wasi/wasi.h"

#include <stdlib.h>
#include <string.h>

#define OUTPUT_LIMIT ((uint64_t)1 << 20)

/* Of larger modules each run lowers what it calls. */
#define PREPARED_MAX ((size_t)8 << 20)

/* From the file's name on, each time anew. */
static bool is_from_file(const struct inside *inside)
{
	return inside->what == INSIDE_FIRST || inside->what == INSIDE_FIRST_IMAGE;
}

static bool is_decoding(const struct inside *inside)
{
	return inside->what == INSIDE_DECODE || inside->what == INSIDE_DECODE_ALL;
}

bool inside_open(struct inside *inside, char *const *command, const char *cache,
                 enum inside_what what, struct error *err)
{
	inside->what = what;
	for (size_t i = 0; i <= INSIDE_ARGUMENTS && command[i] != NULL; i++)
		inside->command[i] = command[i];
	inside->cache = cache;
	if (is_from_file(inside))
		return true;
	if (!module_file_map(&inside->file, command[0], err))
		return false;
	inside->module = module_load(inside->file.bytes, inside->file.size, NULL, err);
	if (inside->module == NULL)
		return false;
	if (inside->file.size <= PREPARED_MAX)
		inside->image = image_prepare(inside->module, NULL, err);
	return inside->file.size > PREPARED_MAX || inside->image != NULL;
}

void inside_close(struct inside *inside)
{
	image_close(inside->image);
	module_destroy(inside->module);
	module_file_clear(&inside->file);
}

/* What one run needs, and when its parts were done. */
struct run {
	struct module_file file; /* of INSIDE_FIRST… */
	struct load_rules rules;
	struct images images;
	struct image *image;
	struct caps *caps;
	struct wasi *wasi;
	struct store *store;
	double began, instantiated;
};

static bool grant_arguments(struct caps *caps, const char *const *command)
{
	for (size_t i = 0; command[i] != NULL; i++)
		if (caps_grant_arg(caps, command[i]) != 0)
			return false;
	return true;
}

/* The module as `tiphys run` comes by it. */
static bool load(struct run *run, const struct inside *inside, struct error *err)
{
	const struct load_words words = {.threads = 0};
	const struct store_options options = {.fuel = 0};
	run->images = (struct images){
	    .folder = {.dir = inside->cache, .bytes = IMAGES_BYTES_DEFAULT},
	    .mode = image_mode(&options),
	};
	if (!load_rules_read(&words, &run->rules, err))
		return false;
	int file = module_file_open(&run->file, inside->command[0], err);
	if (file < 0)
		return false;
	if (inside->what == INSIDE_FIRST_IMAGE)
		run->image = images_use(&run->images, images_find(&run->images, &run->file), &run->file,
		                        &run->rules);
	const struct image *image = run->image;
	return module_file_take(&run->file, file,
	                        image != NULL ? image_module(image, run->file.size) : NULL, err) &&
	       module_file_decode(&run->file, &run->rules, image != NULL ? image_parts(image) : NULL,
	                          err);
}

static bool start(struct run *run, const struct inside *inside, struct error *err)
{
	if (is_from_file(inside) && !load(run, inside, err))
		return false;
	const struct module *module = is_from_file(inside) ? run->file.module : inside->module;
	struct image *image = is_from_file(inside) ? run->image : inside->image;
	run->caps = caps_create();
	if (run->caps == NULL || !grant_arguments(run->caps, inside->command) ||
	    caps_grant_stdin_bytes(run->caps, "", 0) != 0 ||
	    caps_grant_clock(run->caps, CAPS_CLOCK_REAL, 0) != 0 || caps_grant_random(run->caps) != 0 ||
	    caps_grant_output_capture(run->caps, CAPS_STDOUT, OUTPUT_LIMIT) != 0 ||
	    caps_grant_output_capture(run->caps, CAPS_STDERR, OUTPUT_LIMIT) != 0)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the grants");
	run->wasi = wasi_create(run->caps, err);
	run->store = run->wasi != NULL ? store_create(NULL, err) : NULL;
	if (run->store != NULL && image != NULL)
		store_use_image(run->store, module, image);
	struct instance *inst = run->store != NULL
	                            ? instance_create(run->store, module, wasi_resolve, run->wasi, err)
	                            : NULL;
	run->instantiated = monotonic_seconds();
	if (inst == NULL)
		return false;
	struct func *func = instance_export_func(inst, "_start");
	return func != NULL ? func_call(run->store, func, NULL, NULL, err)
	                    : error_set(err, ERROR_USAGE, "it exports no _start");
}

static bool keep_output(const struct caps *caps, struct process_result *result, struct error *err)
{
	const char *output = caps_captured(caps, CAPS_STDOUT, &result->output_size);
	result->output = malloc(result->output_size + 1);
	if (result->output == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for what it prints");
	memcpy(result->output, output, result->output_size + 1);
	return true;
}

static void finish(struct run *run)
{
	store_destroy(run->store);
	wasi_destroy(run->wasi);
	caps_destroy(run->caps);
	module_file_clear(&run->file);
	image_close(run->image);
}

bool inside_run(void *env, struct process_result *result, struct error *err)
{
	const struct inside *inside = env;
	struct run run = {.began = monotonic_seconds()};
	if (is_decoding(inside)) {
		const struct module_options options = {
		    .threads = inside->what == INSIDE_DECODE_ALL ? MODULE_THREADS_ALL : 0};
		struct module *again = module_load(inside->file.bytes, inside->file.size, &options, err);
		result->wall = monotonic_seconds() - run.began;
		module_destroy(again);
		if (again == NULL)
			return false;
	}
	struct error end = ERROR_INIT;
	bool has_returned = start(&run, inside, &end);
	bool has_exited = end.kind == ERROR_EXIT;
	bool is_kept = true;
	if (has_exited)
		result->status = (int)wasi_exit_status(run.wasi);
	if (has_returned || has_exited)
		is_kept = keep_output(run.caps, result, err);
	else
		*err = end;
	double instantiated = run.instantiated - run.began;
	if (inside->what == INSIDE_FIRST_IMAGE && is_kept && run.store != NULL)
		images_keep(&run.images, &run.file, &run.rules, run.store);
	finish(&run);
	if (inside->what == INSIDE_RUN)
		result->wall = monotonic_seconds() - run.began;
	else if (!is_decoding(inside))
		result->wall = instantiated;
	return is_kept && (has_returned || has_exited);
}
