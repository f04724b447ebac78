/* tiphys compile FILE…: keeps images of modules before anybody runs them. */
#include "plugin/command.h"
#include "plugin/images.h"
#include "plugin/load_rules.h"
#include "plugin/module_file.h"
#include "plugin/options.h"

#include <stdio.h>

struct compile_options {
	struct load_words load;
	const char *cache_dir;
	uint64_t images_bytes, lower_bytes;
	bool verbose;
};

static const struct option rows[] = {
    OPTION_IMAGES(struct compile_options),
    OPTION_BYTES(struct compile_options, lower_bytes, "lower-bytes",
                 "lower all functions of modules up to this size; larger ones are validated (16M)"),
    OPTION_ENABLE(struct compile_options),
    OPTION_LIMIT(struct compile_options),
    OPTION_THREADS(struct compile_options),
    OPTION_FLAG_LETTER(struct compile_options, verbose, 'v', "verbose",
                       "say what became of each module's image"),
};

static const struct command_line line = {
    .name = "compile",
    .operands = "FILE…",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .operands_min = 1,
    .operands_max = OPERANDS_ANY,
    .notes = "The first run of FILE then starts as fast as a later one. Give the --enable and "
             "--limit of the run.\n"
             "Exit status: 0 all are kept, 1 not, 2 wrong usage.\n",
};

/* What is said before it is known whether it matters: the last line is the reason. */
struct words {
	const char *path;
	bool verbose;
	char last[1024];
};

static void take_line(void *env, const char *text)
{
	struct words *words = env;
	snprintf(words->last, sizeof words->last, "%s", text);
	if (words->verbose)
		fprintf(stderr, "%s: image: %s\n", words->path, text);
}

static struct image *find(struct images *images, const struct module_file *file,
                          const struct load_rules *rules)
{
	return images_use(images, images_find(images, file), file, rules);
}

static bool keep(struct images *images, struct module_file *file, const struct load_rules *rules,
                 uint64_t lower_bytes, struct error *err)
{
	struct words *words = images->folder.log_env;
	if (!module_file_decode(file, rules, NULL, err))
		return false;
	struct store *store = store_create(NULL, err);
	bool fine =
	    store != NULL && (file->size > lower_bytes || store_lower_all(store, file->module, err));
	if (fine && !images_keep(images, file, rules, store))
		fine = error_set(err, ERROR_SYSTEM, "%s",
		                 words->last[0] != '\0' ? words->last : "too small to be worth an image");
	store_destroy(store);
	return fine;
}

static int compile(const struct compile_options *options, const struct load_rules *rules,
                   const char *path)
{
	struct error err = ERROR_INIT;
	struct words words = {.path = path, .verbose = options->verbose};
	cleanup_module_file struct module_file file = {0};
	struct images images = {
	    .folder = {.dir = options->cache_dir,
	               .bytes = options->images_bytes,
	               .log = take_line,
	               .log_env = &words},
	};
	bool fine = module_file_map(&file, path, &err);
	struct image *image = fine ? find(&images, &file, rules) : NULL;
	if (fine && image == NULL)
		fine = keep(&images, &file, rules, options->lower_bytes, &err);
	module_destroy(file.module);
	file.module = NULL;
	image_close(image);
	if (fine)
		return 0;
	char text[sizeof err.message + 128];
	fprintf(stderr, "%s: %s\n", path, error_format(&err, text, sizeof text));
	return error_exit_status(err.kind);
}

int cmd_compile(int argc, char **argv)
{
	struct compile_options options = {.images_bytes = IMAGES_BYTES_DEFAULT,
	                                  .lower_bytes = IMAGES_LOWER_BYTES_DEFAULT};
	struct operands files;
	struct load_rules rules;
	struct error err = ERROR_INIT;
	int status = 0;
	if (!options_take(&line, argc, argv, &options, &files, &status))
		return status;
	if (!load_rules_read(&options.load, &rules, &err)) {
		fprintf(stderr, "tiphys compile: %s\n", err.message);
		status = error_exit_status(err.kind);
		files.count = 0;
	}
	for (unsigned i = 0; i < files.count; i++) {
		int one = compile(&options, &rules, files.items[i]);
		if (one != 0)
			status = one;
	}
	load_words_clear(&options.load);
	return status;
}
