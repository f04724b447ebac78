#include "plugin/compiler.h"

#include "caps/cleanup.h"
#include "plugin/hash.h"
#include "plugin/log.h"
#include "plugin/metrics.h"
#include "plugin/now.h"
#include "plugin/order.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a worker may say of why it failed. */
#define WORDS_MAX 4096

enum state {
	WAITING, /* at due_ms it is looked at */
	AT_WORK,
	THERE,    /* there is an image, or none is worth its while */
	GIVEN_UP, /* until due_ms */
};

/* A module's file. */
struct entry {
	uint64_t hash; /* of the path; 0: none */
	char *path, *digest;
	enum state state;
	unsigned tries;   /* that failed */
	uint64_t due_ms;  /* WAITING: when; else: when it is looked at again */
	uint64_t used_ms; /* when a step wanted it */
	bool is_doubted;  /* the image is to go; under the lock also while AT_WORK */
	unsigned doubts;  /* that there were */
	struct stat made; /* the file that the image is of, as it was then */
};

struct compiler {
	struct compiler_setting setting;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t woken; /* something is due earlier than it was, or the server stops */
	bool stopping;
	struct entry entries[COMPILER_MODULES_MAX];
};

/* ---- the table; with the lock held ---- */

static struct entry *find(struct compiler *compiler, uint64_t hash, const char *path)
{
	for (size_t i = 0; i < COMPILER_MODULES_MAX; i++) {
		struct entry *entry = &compiler->entries[i];
		if (entry->hash == hash && strcmp(entry->path, path) == 0)
			return entry;
	}
	return NULL;
}

static void clear(struct entry *entry)
{
	free(entry->path);
	free(entry->digest);
	*entry = (struct entry){0};
}

/* An empty place, or that of the module which nobody wanted for the longest time. NULL when all are
 * yet to be made. */
static struct entry *take_place(struct compiler *compiler)
{
	struct entry *oldest = NULL;
	for (size_t i = 0; i < COMPILER_MODULES_MAX; i++) {
		struct entry *entry = &compiler->entries[i];
		if (entry->hash == 0)
			return entry;
		if ((entry->state == THERE || entry->state == GIVEN_UP) &&
		    (oldest == NULL || entry->used_ms < oldest->used_ms))
			oldest = entry;
	}
	if (oldest != NULL)
		clear(oldest);
	return oldest;
}

static void add(struct compiler *compiler, uint64_t hash, const char *path, const char *digest,
                uint64_t now)
{
	char *path_copy = strdup(path), *digest_copy = strdup(digest);
	struct entry *entry = path_copy != NULL && digest_copy != NULL ? take_place(compiler) : NULL;
	if (entry == NULL) {
		free(path_copy);
		free(digest_copy);
		return;
	}
	*entry = (struct entry){.hash = hash,
	                        .path = path_copy,
	                        .digest = digest_copy,
	                        .state = WAITING,
	                        .due_ms = now,
	                        .used_ms = now};
	pthread_cond_signal(&compiler->woken);
}

void compiler_want(struct compiler *compiler, const char *path, const char *digest)
{
	uint64_t hash = hash_text(path) | 1, now = now_ms();
	pthread_mutex_lock(&compiler->lock);
	struct entry *entry = find(compiler, hash, path);
	if (entry == NULL) {
		add(compiler, hash, path, digest, now);
	} else {
		entry->used_ms = now;
		if (entry->state != WAITING && entry->state != AT_WORK && now >= entry->due_ms) {
			entry->tries = 0;
			entry->state = WAITING;
			pthread_cond_signal(&compiler->woken);
		}
	}
	pthread_mutex_unlock(&compiler->lock);
}

void compiler_doubt(struct compiler *compiler, const char *path)
{
	pthread_mutex_lock(&compiler->lock);
	struct entry *entry = find(compiler, hash_text(path) | 1, path);
	/* Where none is there yet, or no more, it is looked at when the module is due: a module that
	 * crashes without an image, too, will have none made. */
	if (entry != NULL && entry->state != GIVEN_UP)
		entry->is_doubted = true;
	if (entry != NULL && entry->state == THERE) {
		entry->state = WAITING;
		entry->due_ms = now_ms();
		pthread_cond_signal(&compiler->woken);
	}
	pthread_mutex_unlock(&compiler->lock);
}

/* The module that is due first; NULL when none waits. */
static struct entry *next(struct compiler *compiler)
{
	struct entry *first = NULL;
	for (size_t i = 0; i < COMPILER_MODULES_MAX; i++) {
		struct entry *entry = &compiler->entries[i];
		if (entry->hash != 0 && entry->state == WAITING &&
		    (first == NULL || entry->due_ms < first->due_ms))
			first = entry;
	}
	return first;
}

/* ---- one module; without the lock: an entry AT_WORK is the thread's own ---- */

enum result {
	MADE,
	FOUND,    /* it was there, or none is worth its while */
	TOO_NEW,  /* the module was written this moment */
	GONE,     /* the module is no more where it was; a step that wants it fetches it first */
	FAILED,   /* *err says why */
	REMOVED,  /* it was doubted, and is there no more */
	ABANDONED /* the server stops */
};

struct making {
	const struct compiler *compiler;
	const struct entry *entry;
	struct image_folder folder;
	bool is_doubted, is_removed; /* its image */
	char why_not[256];           /* what the folder said last */
	struct stat module;
	char name[IMAGE_NAME_SIZE];
	uint64_t bytes, took_ms;
	int64_t wait_ns;
};

static void take_line(void *env, const char *text)
{
	struct making *making = env;
	snprintf(making->why_not, sizeof making->why_not, "%s", text);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       same_time(&a->st_mtim, &b->st_mtim) && same_time(&a->st_ctim, &b->st_ctim);
}

static bool join_rules(const struct load_words *load, char ***words, size_t *count)
{
	const struct {
		const char *name;
		const struct option_texts *texts;
	} options[] = {{"enable", &load->enable}, {"limit", &load->limits}};
	*count = 0;
	*words = calloc(load->enable.count + load->limits.count + 1, sizeof **words);
	for (size_t i = 0; *words != NULL && i < sizeof options / sizeof options[0]; i++) {
		for (size_t j = 0; j < options[i].texts->count; j++, ++*count) {
			if (asprintf(&(*words)[*count], "--%s=%s", options[i].name,
			             options[i].texts->items[j]) < 0)
				return false;
		}
	}
	return *words != NULL;
}

static void free_words(char **words, size_t count)
{
	for (size_t i = 0; words != NULL && i < count; i++)
		free(words[i]);
	free(words);
}

static const char *last_line(struct bytes *text)
{
	while (text->size > 0 && text->data[text->size - 1] == '\n')
		text->size--;
	if (!bytes_add(text, "", 1))
		return "out of memory";
	char *line = strrchr(text->data, '\n');
	return line != NULL ? line + 1 : text->data;
}

/* What became of the worker. */
static enum result judge(const struct compiler *compiler, struct worker_outcome *outcome,
                         struct error *err)
{
	switch (outcome->end) {
	case WORKER_EXITED:
		if (outcome->status == 0)
			return MADE;
		if (outcome->status == JOB_COMPILED_BEFORE)
			return FOUND;
		error_set(err, ERROR_SYSTEM, "%s", last_line(&outcome->err));
		return FAILED;
	case WORKER_STOPPED:
		return ABANDONED;
	case WORKER_TIME:
		error_set(err, ERROR_LIMIT, "it took more than %llu ms (--image-timeout)",
		          (unsigned long long)compiler->setting.time_ms);
		return FAILED;
	case WORKER_NO_MEMORY:
		error_set(err, ERROR_NO_MEMORY, "no memory for what it wrote");
		return FAILED;
	case WORKER_STDOUT:
	case WORKER_STDERR:
	case WORKER_SIGNALLED:
		break;
	}
	error_set(err, ERROR_SYSTEM, "the process that made it died of signal %d (%s)", outcome->status,
	          strsignal(outcome->status));
	return FAILED;
}

static enum result run_worker(struct making *making, int module, int image, int old,
                              struct error *err)
{
	const struct compiler_setting *setting = &making->compiler->setting;
	const struct worker_compile compile = {.module_fd = module,
	                                       .image_fd = image,
	                                       .old_image_fd = old,
	                                       .file_bytes = (setting->images_bytes + 3) / 4,
	                                       .data_bytes = setting->memory_bytes};
	cleanup_worker_outcome struct worker_outcome outcome = {0};
	char **words;
	size_t count;
	enum result result = FAILED;
	if (!join_rules(setting->load, &words, &count)) {
		error_set(err, ERROR_NO_MEMORY, "no memory for the rules to compile by");
	} else {
		const struct worker_task task = {.strings = (const char *const *)words,
		                                 .string_count = count,
		                                 .time_ms = setting->time_ms,
		                                 .output_bytes = WORDS_MAX,
		                                 .compile = &compile};
		if (worker_run(setting->workers, &task, &outcome, err))
			result = judge(making->compiler, &outcome, err);
		making->took_ms = outcome.took_ms;
	}
	free_words(words, count);
	return result;
}

/* Has the image made aside, and gives it its name. */
static enum result make(struct making *making, int dir, int module, int old, struct error *err)
{
	char aside[IMAGE_NAME_SIZE];
	struct stat st;
	cleanup_close int image = image_folder_begin(dir, aside, err);
	if (image < 0)
		return FAILED;
	enum result result = run_worker(making, module, image, old, err);
	if (result == MADE && fstat(image, &st) == 0 &&
	    image_folder_commit(&making->folder, dir, aside, making->name, err)) {
		making->bytes = (uint64_t)st.st_size;
		return MADE;
	}
	image_folder_abandon(dir, aside);
	if (result == MADE && err->kind == ERROR_NONE)
		error_set_errno(err, errno, "cannot look at it");
	return result == MADE ? FAILED : result;
}

static enum result work_on(struct making *making, struct error *err)
{
	const struct worker_sandbox *worker = workers_sandbox(making->compiler->setting.workers);
	struct timespec looked;
	clock_gettime(CLOCK_REALTIME, &looked);
	cleanup_close int module = open(making->entry->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (module < 0 && errno == ENOENT)
		return GONE;
	if (module < 0 || fstat(module, &making->module) != 0) {
		error_set_errno(err, errno, "cannot open it");
		return FAILED;
	}
	if (worker->build == 0 || !S_ISREG(making->module.st_mode) ||
	    !image_folder_takes(&making->folder, &making->module))
		return FOUND;
	if (!image_is_settled(&making->module, &looked, &making->wait_ns))
		return TOO_NEW;
	image_name(worker->build, worker->image_mode, &making->module, making->name);
	cleanup_close int dir = image_folder_open(&making->folder, true);
	if (dir < 0) {
		error_set(err, ERROR_SYSTEM, "%s", making->why_not);
		return FAILED;
	}
	if (making->is_doubted) {
		making->is_removed = image_folder_remove(&making->folder, dir, making->name);
		return REMOVED;
	}
	cleanup_close int old = image_folder_find(&making->folder, dir, making->name);
	/* Made, or looked into by a worker, in this server's life. */
	if (old >= 0 && is_same_file(&making->module, &making->entry->made)) {
		/* The oldest go first where there is no room: this one is in use. */
		futimens(old, NULL);
		return FOUND;
	}
	return make(making, dir, module, old, err);
}

static void tell(const struct making *making, enum result result, const struct error *err)
{
	const struct entry *entry = making->entry;
	bool failed = result == FAILED;
	struct log_line line = log_begin(failed ? LOG_WARN : LOG_INFO,
	                                 failed ? "no image of a module" : "image of a module made");
	log_text(&line, "digest", entry->digest);
	log_text(&line, "module", entry->path);
	if (failed) {
		log_text(&line, "reason", err->message);
		log_text(&line, "again", entry->tries + 1 < COMPILER_TRIES ? "soon" : "in an hour");
	} else {
		log_number(&line, "bytes", (int64_t)making->bytes);
		log_number(&line, "ms", (int64_t)making->took_ms);
	}
	log_end(&line);
}

static void tell_removed(const struct making *making)
{
	const struct entry *entry = making->entry;
	struct log_line line = log_begin(LOG_WARN, "image of a module removed");
	log_text(&line, "digest", entry->digest);
	log_text(&line, "module", entry->path);
	log_text(&line, "reason", "a step crashed that may have run from it");
	log_text(&line, "again", entry->doubts + 1 < COMPILER_TRIES ? "soon" : "in an hour");
	log_end(&line);
}

/* After so many failures: longer each time, then for long. */
static void wait_after(const struct compiler *compiler, struct entry *entry, unsigned failures)
{
	const struct compiler_setting *setting = &compiler->setting;
	bool is_last = failures >= COMPILER_TRIES;
	entry->state = is_last ? GIVEN_UP : WAITING;
	entry->due_ms = now_ms() + (is_last ? setting->retry_ms * COMPILER_REST
	                                    : setting->retry_ms << (failures - 1));
}

/* With the lock held. */
static void settle(const struct compiler *compiler, struct entry *entry,
                   const struct making *making, enum result result)
{
	uint64_t now = now_ms();
	switch (result) {
	case MADE:
	case FOUND:
		entry->state = THERE;
		entry->tries = 0;
		entry->made = making->module;
		entry->due_ms = now + compiler->setting.look_ms;
		/* It has none that could be doubted: it is too small, or others can write it. */
		if (making->is_doubted)
			entry->is_doubted = false;
		if (entry->is_doubted) {
			entry->state = WAITING;
			entry->due_ms = now;
		}
		break;
	case TOO_NEW:
		entry->state = WAITING;
		entry->due_ms = now + (uint64_t)making->wait_ns / 1000000 + 1;
		break;
	case GONE:
	case ABANDONED:
		entry->state = GIVEN_UP;
		entry->due_ms = now;
		break;
	case REMOVED:
		entry->is_doubted = false;
		wait_after(compiler, entry, ++entry->doubts);
		break;
	case FAILED:
		wait_after(compiler, entry, ++entry->tries);
		break;
	}
}

static void attend(struct compiler *compiler, struct entry *entry)
{
	struct error err = ERROR_INIT;
	struct making making = {.compiler = compiler,
	                        .entry = entry,
	                        .folder = {.dir = compiler->setting.cache_dir,
	                                   .bytes = compiler->setting.images_bytes,
	                                   .log = take_line}};
	making.folder.log_env = &making;
	making.is_doubted = entry->is_doubted;
	entry->state = AT_WORK;
	pthread_mutex_unlock(&compiler->lock);
	enum result result = work_on(&making, &err);
	if (making.is_removed)
		tell_removed(&making);
	if (result == MADE || result == FAILED) {
		/* Whoever sees it counted finds it in the log. */
		tell(&making, result, &err);
		metrics_add(result == MADE ? METRIC_IMAGES_MADE : METRIC_IMAGES_FAILED, 1);
	}
	pthread_mutex_lock(&compiler->lock);
	settle(compiler, entry, &making, result);
}

static void *work(void *env)
{
	struct compiler *compiler = env;
	/* What a server left that was killed here. */
	image_folder_tidy(&(struct image_folder){.dir = compiler->setting.cache_dir,
	                                         .bytes = compiler->setting.images_bytes},
	                  workers_sandbox(compiler->setting.workers)->build);
	pthread_mutex_lock(&compiler->lock);
	while (!compiler->stopping) {
		struct entry *entry = next(compiler);
		if (entry == NULL) {
			pthread_cond_wait(&compiler->woken, &compiler->lock);
		} else if (entry->due_ms <= now_ms()) {
			attend(compiler, entry);
		} else {
			const struct timespec until = {.tv_sec = (time_t)(entry->due_ms / 1000),
			                               .tv_nsec = (long)(entry->due_ms % 1000 * 1000000)};
			pthread_cond_timedwait(&compiler->woken, &compiler->lock, &until);
		}
	}
	pthread_mutex_unlock(&compiler->lock);
	return NULL;
}

/* ---- its life ---- */

struct compiler *compiler_create(const struct compiler_setting *setting, struct error *err)
{
	struct compiler *compiler = calloc(1, sizeof *compiler);
	if (compiler == NULL) {
		error_set(err, ERROR_NO_MEMORY, "the images of modules");
		return NULL;
	}
	compiler->setting = *setting;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&compiler->lock, NULL);
	pthread_cond_init(&compiler->woken, &monotonic);
	pthread_condattr_destroy(&monotonic);
	int failure = pthread_create(&compiler->thread, NULL, work, compiler);
	if (failure != 0) {
		error_set_errno(err, failure, "cannot start a thread");
		pthread_cond_destroy(&compiler->woken);
		pthread_mutex_destroy(&compiler->lock);
		free(compiler);
		return NULL;
	}
	return compiler;
}

void compiler_stop(struct compiler *compiler)
{
	pthread_mutex_lock(&compiler->lock);
	compiler->stopping = true;
	pthread_cond_signal(&compiler->woken);
	pthread_mutex_unlock(&compiler->lock);
}

bool compiler_wait(struct compiler *compiler, unsigned ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return pthread_clockjoin_np(compiler->thread, NULL, CLOCK_MONOTONIC, &until) == 0;
}

void compiler_destroy(struct compiler *compiler)
{
	if (compiler == NULL)
		return;
	for (size_t i = 0; i < COMPILER_MODULES_MAX; i++)
		clear(&compiler->entries[i]);
	pthread_cond_destroy(&compiler->woken);
	pthread_mutex_destroy(&compiler->lock);
	free(compiler);
}
