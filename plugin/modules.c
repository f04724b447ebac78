#include "plugin/modules.h"

#include "plugin/metrics.h"
#include "plugin/modules_state.h"
#include "plugin/signed.h"
#include "caps/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define RETRIES 3

_Static_assert(MODULES_DIGEST_SIZE == 7 + 64 + 1, "sha256: and its digits");

/* One reference that is being fetched, by the first thread that asked; the others wait for it. */
struct flight {
	struct flight *next;
	char *ref;
	unsigned waiting;
	bool landed, ok;
	char *path;
	struct digest digest;
	struct error err;
};

static unsigned or_default(unsigned value, unsigned otherwise)
{
	return value != 0 ? value : otherwise;
}

static bool open_stores(struct modules *modules, const struct modules_options *options,
                        struct error *err)
{
	modules->stores = calloc(options->store_count + 1, sizeof *modules->stores);
	if (modules->stores == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for stores");
	for (size_t i = 0; i < options->store_count; i++) {
		modules->stores[i] = layout_create(options->stores[i], err);
		if (modules->stores[i] == NULL)
			return false;
		modules->store_count++;
	}
	return true;
}

struct modules *modules_create(const struct modules_options *options, struct error *err)
{
	struct modules *modules = calloc(1, sizeof *modules);
	if (modules == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for modules");
		return NULL;
	}
	pthread_mutex_init(&modules->lock, NULL);
	pthread_cond_init(&modules->landed, NULL);
	struct transfer_options transfer = {
	    .connect_seconds =
	        or_default(options->connect_seconds, transfer_connect_seconds(options->stall_seconds)),
	    .stall_seconds = transfer_stall_seconds(options->stall_seconds),
	    .stall_option = options->stall_option,
	    .retries = options->retries == MODULES_NO_RETRY ? 0 : or_default(options->retries, RETRIES),
	    .insecure_hosts = options->insecure_registries != NULL ? options->insecure_registries
	                                                           : getenv("INSECURE_OCI_REGISTRIES"),
	};
	modules->resolver = (struct resolver){
	    .max_module_bytes =
	        options->max_module_bytes != 0 ? options->max_module_bytes : MODULES_MAX_BYTES,
	    .keys = options->keys,
	    .progress = options->progress,
	    .env = options->env,
	};
	modules->recall = recall_create();
	if (modules->recall == NULL) {
		error_set(err, ERROR_NO_MEMORY, "no memory for modules");
		modules_destroy(modules);
		return NULL;
	}
	modules->resolver.cache = cache_create(options->cache_dir, err);
	if (modules->resolver.cache != NULL && options->cache_bytes != 0) {
		modules->room = cache_room_create(
		    cache_root(modules->resolver.cache), options->cache_bytes,
		    options->cache_spare_s != 0 ? options->cache_spare_s : CACHE_ROOM_SPARE_S, err);
		modules->resolver.room = modules->room;
		if (modules->room == NULL) {
			modules_destroy(modules);
			return NULL;
		}
	}
	if (modules->resolver.cache != NULL)
		modules->resolver.registry = registry_create(&transfer, options->docker_config, err);
	if (modules->resolver.registry == NULL || !open_stores(modules, options, err)) {
		modules_destroy(modules);
		return NULL;
	}
	return modules;
}

void modules_check(struct modules *modules, void (*tell)(const struct error *err))
{
	struct error err = ERROR_INIT;
	if (cache_open(modules->resolver.cache, &err) == NULL)
		tell(&err);
	for (size_t i = 0; i < modules->store_count; i++) {
		error_clear(&err);
		if (!layout_check(modules->stores[i], &err))
			tell(&err);
	}
}

void modules_destroy(struct modules *modules)
{
	if (modules == NULL)
		return;
	for (size_t i = 0; i < modules->store_count; i++)
		layout_destroy(modules->stores[i]);
	free(modules->stores);
	recall_destroy(modules->recall);
	cache_room_destroy(modules->room);
	registry_destroy(modules->resolver.registry);
	cache_destroy(modules->resolver.cache);
	pthread_cond_destroy(&modules->landed);
	pthread_mutex_destroy(&modules->lock);
	free(modules);
}

/* What a name means in a store stands in its index. */
static void look_at_index(const struct layout *layout, struct recall_witness *witness)
{
	cleanup_free char *index = layout_index_path(layout);
	if (index == NULL)
		witness->is_void = true;
	else
		recall_look(witness, index);
}

static bool find_anew(struct modules *modules, const struct reference *reference, const char *text,
                      struct recall_witness *witness, char **path, struct digest *digest,
                      struct error *err)
{
	for (size_t i = 0; i < modules->store_count; i++) {
		struct digest manifest;
		bool found;
		if (!reference->has_digest)
			look_at_index(modules->stores[i], witness);
		if (!layout_find(modules->stores[i], reference, text, &manifest, &found, err))
			return false;
		if (found)
			return (modules->resolver.keys == NULL ||
			        signed_check(&modules->resolver, modules->stores[i], reference, &manifest,
			                     err)) &&
			       resolve_local(&modules->resolver, modules->stores[i], &manifest, path, digest,
			                     err);
	}
	/* What a tag means is the registry's to say, each time. */
	witness->is_void = witness->is_void || !reference->has_digest;
	return resolve_remote(&modules->resolver, reference, path, digest, err);
}

static bool find(struct modules *modules, const char *text, char **path, struct digest *digest,
                 struct error *err)
{
	struct reference reference;
	cleanup_recall_witness struct recall_witness witness = {0};
	if (!reference_parse(&reference, text, err) ||
	    !find_anew(modules, &reference, text, &witness, path, digest, err))
		return false;
	recall_add(modules->recall, text, &witness, *path, digest);
	return true;
}

/* The flight of that reference, joined; or a new one of which *mine is true. */
static struct flight *join_flight(struct modules *modules, const char *ref, bool *mine)
{
	*mine = false;
	for (struct flight *flight = modules->flights; flight != NULL; flight = flight->next)
		if (strcmp(flight->ref, ref) == 0)
			return flight;
	struct flight *flight = calloc(1, sizeof *flight);
	char *copy = strdup(ref);
	if (flight == NULL || copy == NULL) {
		free(flight);
		free(copy);
		return NULL;
	}
	*flight = (struct flight){.next = modules->flights, .ref = copy, .err = ERROR_INIT};
	modules->flights = flight;
	*mine = true;
	return flight;
}

static void leave_list(struct modules *modules, const struct flight *flight)
{
	struct flight **at = &modules->flights;
	while (*at != flight)
		at = &(*at)->next;
	*at = flight->next;
}

/* Takes the result for one of those that waited; the last one frees. */
static bool take_result(struct flight *flight, char **path, struct digest *digest,
                        struct error *err)
{
	bool ok = flight->ok;
	if (ok) {
		*path = strdup(flight->path);
		*digest = flight->digest;
		if (*path == NULL)
			ok = error_set(err, ERROR_NO_MEMORY, "no memory for a path");
	} else if (err->kind == ERROR_NONE) {
		*err = flight->err;
	}
	if (--flight->waiting == 0) {
		free(flight->ref);
		free(flight->path);
		free(flight);
	}
	return ok;
}

static bool get_once(struct modules *modules, const char *ref, char **path,
                     char digest[MODULES_DIGEST_SIZE], struct error *err)
{
	bool mine, ok;
	struct digest found;
	char text[DIGEST_TEXT_SIZE];
	*path = NULL;
	if (recall_find(modules->recall, ref, path, &found)) {
		metrics_add(METRIC_MODULES_REMEMBERED, 1);
		memcpy(digest, digest_format(&found, text), MODULES_DIGEST_SIZE);
		return true;
	}
	metrics_add(METRIC_MODULES_LOOKED_UP, 1);
	pthread_mutex_lock(&modules->lock);
	struct flight *flight = join_flight(modules, ref, &mine);
	if (flight == NULL) {
		pthread_mutex_unlock(&modules->lock);
		return error_set(err, ERROR_NO_MEMORY, "no memory for a module");
	}
	flight->waiting++;
	if (mine) {
		pthread_mutex_unlock(&modules->lock);
		char *where = NULL;
		struct digest what;
		struct error why = ERROR_INIT;
		ok = find(modules, ref, &where, &what, &why);
		pthread_mutex_lock(&modules->lock);
		flight->ok = ok;
		flight->path = where;
		flight->digest = what;
		flight->err = why;
		flight->landed = true;
		leave_list(modules, flight); /* who asks from now on asks anew */
		pthread_cond_broadcast(&modules->landed);
	} else {
		while (!flight->landed)
			pthread_cond_wait(&modules->landed, &modules->lock);
	}
	ok = take_result(flight, path, &found, err);
	pthread_mutex_unlock(&modules->lock);
	if (!ok)
		return false;
	memcpy(digest, digest_format(&found, text), MODULES_DIGEST_SIZE);
	return true;
}

/* It may go between being found and being held: then it is fetched again. */
#define GOES_AGAIN_MAX 3

bool modules_get(struct modules *modules, const char *ref, char **path,
                 char digest[MODULES_DIGEST_SIZE], struct error *err)
{
	for (unsigned i = 0; i < GOES_AGAIN_MAX; i++) {
		if (!get_once(modules, ref, path, digest, err))
			return false;
		if (cache_room_hold(modules->room, *path)) {
			cache_room_make(modules->room);
			return true;
		}
		free(*path);
		*path = NULL;
	}
	return error_set(
	    err, ERROR_SYSTEM,
	    "the module goes from the cache as soon as it is there; give the cache more room "
	    "(--cache-bytes)");
}

void modules_let_go(struct modules *modules, const char *path)
{
	cache_room_let_go(modules->room, path);
}
