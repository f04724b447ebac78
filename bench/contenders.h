/* Everybody who takes part in `tiphys bench steps`, found and made ready, and a cell for each with
 * each job. */
#ifndef BENCH_CONTENDERS_H
#define BENCH_CONTENDERS_H

#include "bench/containers.h"
#include "bench/inside.h"
#include "bench/measure.h"
#include "bench/peer.h"
#include "bench/plugin_server.h"

/* What stands above the columns of a table, in their order. */
struct job {
	const char *name, *what;
};
extern const struct job jobs[];
extern const size_t job_count;

struct contender {
	const char *name;   /* borrowed or a literal */
	char version[96];   /* "" when it has none of its own */
	const char *how;    /* flags or circumstances that a reader should know, or NULL */
	char left_out[512]; /* not empty: why it does not take part */
};

struct contenders_options {
	const char *directory; /* absolute: root filesystems, stores, states */
	unsigned jobs;         /* bits of the jobs that are wanted; 0: all */
	bool no_containers;
	bool no_python; /* without the image that debootstrap makes */
	struct option_texts peers;
};

enum { CONTENDERS_MAX = 48 };

struct contenders {
	struct contender items[CONTENDERS_MAX];
	size_t count;
	const char *note;   /* what the machine forbade and what was done instead, or NULL */
	unsigned wanted;    /* bits of jobs */
	struct cell *cells; /* contender by contender, the jobs in order */
	size_t cell_count, cell_room;

	const char *store, *cache; /* an image layout with the modules; with the modules' images */
	const char **references;   /* of the jobs' modules */

	/* What the cells borrow. */
	struct peers peers;
	struct inside *insides;
	struct plugin_server server;
	struct plugin_request *requests;
	struct containerd containerd;
	bool uses_podman;
	void **owned;
	size_t owned_count;
};

/* A contender that cannot take part is kept with its reason; false only when tiphys or the jobs
 * themselves are missing. *all is {0} before and is for contenders_clear() after, on failure too.
 */
bool contenders_make(struct contenders *all, const struct contenders_options *options,
                     struct error *err);
/* The command of a cell that is one, with a fresh name for the container where it wants one; NULL
 * for requests and pods. Borrowed until the next call for that cell. */
char *const *contender_command(const struct cell *cell);
void contenders_clear(struct contenders *all);

/* Whether a contender of that name has cells: what it wants is there then. */
bool contenders_have(const struct contenders *all, const char *name);

/* How a module is called in the store. */
#define BENCH_MODULE(name) "modules.example/" name ":1"

/* Puts a module into an image layout. */
bool module_push(const char *tiphys, const char *path, const char *store, const char *reference,
                 struct error *err);

#endif
