/* What references were found to be, so that a step whose module was run before need not read
 * indexes and manifests again. An answer is believed as long as the files that it was read from are
 * the same ones (by device, inode, size and times). Thread-safe. */
#ifndef PLUGIN_RECALL_H
#define PLUGIN_RECALL_H

#include "plugin/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Answers that are remembered; then the oldest goes. */
#define RECALL_MAX 256

/* Files that one answer may depend on; one that depends on more is not remembered. */
#define RECALL_FILES_MAX 8

struct recall;

/* NULL without memory. */
struct recall *recall_create(void);
void recall_destroy(struct recall *recall);

/* True when `ref` is remembered and its files are the same; then *path is the caller's to free. */
bool recall_find(struct recall *recall, const char *ref, char **path, struct digest *digest);

struct recall_stamp {
	uint64_t device, inode, size;
	int64_t modified_ns, changed_ns;
};

/* The files that an answer is read from, as they were before it was read. Starts as {0}. */
struct recall_witness {
	bool is_void; /* the answer depends on more than can be looked at */
	size_t count;
	char *files[RECALL_FILES_MAX];
	struct recall_stamp stamps[RECALL_FILES_MAX];
};

void recall_witness_clear(struct recall_witness *witness);
#define cleanup_recall_witness __attribute__((cleanup(recall_witness_clear)))

/* Looks at a file of the answer. The witness is void when there is none. */
void recall_look(struct recall_witness *witness, const char *file);

/* Remembers that `ref` is the file `path`, which is looked at too. Takes what the witness holds.
 * Nothing when the witness is void. */
void recall_add(struct recall *recall, const char *ref, struct recall_witness *witness,
                const char *path, const struct digest *digest);

#endif
