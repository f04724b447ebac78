#include "plugin/image_job.h"

#include "caps/cleanup.h"
#include "plugin/args_from.h"
#include "plugin/confine.h"
#include "plugin/images.h"
#include "plugin/options.h"

#include <stdio.h>
#include <unistd.h>

/* Besides those that it has: none is opened. */
#define OPEN_FILES (JOB_OLD_IMAGE_NUMBER + 2)

struct compile_words {
	struct load_words load;
};

static const struct option rows[] = {
    OPTION_ENABLE(struct compile_words),
    OPTION_LIMIT(struct compile_words),
};

static const struct command_line line = {
    .name = "worker-parent",
    .operands = "",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
};

static bool read_rules(struct args_from *args, struct load_rules *rules, struct error *err)
{
	char command[] = "worker-parent";
	struct compile_words words = {0};
	struct operands operands;
	int status;
	cleanup_close int socket = JOB_SOCKET;
	if (!args_from_read(args, command, socket, err))
		return false;
	bool fine = options_take(&line, args->argc, args->argv, &words, &operands, &status)
	                ? load_rules_read(&words.load, rules, err)
	                : error_set(err, ERROR_USAGE, "the rules to compile by are of another version");
	/* Behind a wall no thread may start. */
	rules->threads = 0;
	load_words_clear(&words.load);
	return fine;
}

static bool put_up_wall(const struct worker_terms *terms, const struct worker_job *job,
                        const struct module_file *file, struct error *err)
{
	uint64_t data_bytes = confine_data_bytes(file->size);
	if (job->data_bytes != 0 && job->data_bytes < data_bytes)
		data_bytes = job->data_bytes;
	const struct sandbox_limits limits = {
	    .data_bytes = data_bytes,
	    .cpu_seconds = job->time_ms / 1000 + 2,
	    .open_files = OPEN_FILES,
	    .file_bytes = job->file_bytes,
	};
	/* Nothing is granted: what it may touch is open. */
	struct caps *caps = caps_create();
	bool fine = caps != NULL ? confine_within(terms, caps, &limits, err)
	                         : error_set(err, ERROR_NO_MEMORY, "no memory for the grants");
	caps_destroy(caps);
	return fine;
}

static bool is_made_before(const struct module_file *file, const struct load_rules *rules)
{
	struct error why = ERROR_INIT;
	const struct image_source source = images_source(file, rules);
	struct image *image = image_open(JOB_OLD_IMAGE_NUMBER, &source, &why);
	bool is_fine = image != NULL;
	image_close(image);
	return is_fine;
}

static bool make(struct module_file *file, const struct load_rules *rules, struct error *err)
{
	if (!module_file_decode(file, rules, NULL, err))
		return false;
	struct store *store = store_create(NULL, err);
	bool fine =
	    store != NULL &&
	    (file->size > IMAGES_LOWER_BYTES_DEFAULT || store_lower_all(store, file->module, err)) &&
	    images_write(JOB_IMAGE_NUMBER, file, rules, store, true, err);
	store_destroy(store);
	return fine;
}

int confine_and_compile(const struct worker_terms *terms, const struct worker_job *job)
{
	struct error err = ERROR_INIT;
	struct args_from args = {0};
	struct load_rules rules;
	struct module_file file = {0};
	char text[sizeof err.message + 128];
	if (read_rules(&args, &rules, &err) && module_file_map_open(&file, JOB_MODULE_NUMBER, &err) &&
	    put_up_wall(terms, job, &file, &err)) {
		if ((job->descriptors & 1u << JOB_OLD_IMAGE) != 0 && is_made_before(&file, &rules))
			_exit(JOB_COMPILED_BEFORE);
		if (make(&file, &rules, &err))
			_exit(0);
	}
	fprintf(stderr, "%s\n", error_format(&err, text, sizeof text));
	fflush(stderr);
	/* The process gives its memory back as a whole. */
	_exit(1);
}
