#include "plugin/recall.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct answer {
	char *ref; /* NULL: free */
	char *path;
	struct digest digest;
	struct recall_witness witness;
};

struct recall {
	pthread_mutex_t lock;
	size_t next; /* is overwritten next */
	struct answer answers[RECALL_MAX];
};

static int64_t nanoseconds(struct timespec time)
{
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static bool take_stamp(const char *file, struct recall_stamp *stamp)
{
	struct stat st;
	if (stat(file, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	*stamp = (struct recall_stamp){
	    .device = st.st_dev,
	    .inode = st.st_ino,
	    .size = (uint64_t)st.st_size,
	    .modified_ns = nanoseconds(st.st_mtim),
	    .changed_ns = nanoseconds(st.st_ctim),
	};
	return true;
}

static bool same(const struct recall_stamp *a, const struct recall_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

static void answer_clear(struct answer *answer)
{
	free(answer->ref);
	free(answer->path);
	recall_witness_clear(&answer->witness);
	*answer = (struct answer){0};
}

struct recall *recall_create(void)
{
	struct recall *recall = calloc(1, sizeof *recall);
	if (recall != NULL)
		pthread_mutex_init(&recall->lock, NULL);
	return recall;
}

void recall_destroy(struct recall *recall)
{
	if (recall == NULL)
		return;
	for (size_t i = 0; i < RECALL_MAX; i++)
		answer_clear(&recall->answers[i]);
	pthread_mutex_destroy(&recall->lock);
	free(recall);
}

static struct answer *find(struct recall *recall, const char *ref)
{
	for (size_t i = 0; i < RECALL_MAX; i++) {
		if (recall->answers[i].ref != NULL && strcmp(recall->answers[i].ref, ref) == 0)
			return &recall->answers[i];
	}
	return NULL;
}

static bool still_holds(const struct recall_witness *witness)
{
	struct recall_stamp now;
	for (size_t i = 0; i < witness->count; i++) {
		if (!take_stamp(witness->files[i], &now) || !same(&now, &witness->stamps[i]))
			return false;
	}
	return true;
}

bool recall_find(struct recall *recall, const char *ref, char **path, struct digest *digest)
{
	pthread_mutex_lock(&recall->lock);
	struct answer *answer = find(recall, ref);
	bool found = answer != NULL && still_holds(&answer->witness);
	if (found) {
		*path = strdup(answer->path);
		*digest = answer->digest;
		found = *path != NULL;
	} else if (answer != NULL) {
		answer_clear(answer);
	}
	pthread_mutex_unlock(&recall->lock);
	return found;
}

void recall_witness_clear(struct recall_witness *witness)
{
	for (size_t i = 0; i < witness->count; i++)
		free(witness->files[i]);
	*witness = (struct recall_witness){0};
}

void recall_look(struct recall_witness *witness, const char *file)
{
	char *copy = NULL;
	if (witness->is_void || witness->count == RECALL_FILES_MAX ||
	    !take_stamp(file, &witness->stamps[witness->count]) || (copy = strdup(file)) == NULL)
		witness->is_void = true;
	else
		witness->files[witness->count++] = copy;
}

void recall_add(struct recall *recall, const char *ref, struct recall_witness *witness,
                const char *path, const struct digest *digest)
{
	recall_look(witness, path);
	struct answer fresh = {.ref = strdup(ref), .path = strdup(path), .digest = *digest};
	if (witness->is_void || fresh.ref == NULL || fresh.path == NULL) {
		answer_clear(&fresh);
		return;
	}
	fresh.witness = *witness;
	*witness = (struct recall_witness){0};
	pthread_mutex_lock(&recall->lock);
	struct answer *place = find(recall, ref);
	if (place == NULL) {
		place = &recall->answers[recall->next];
		recall->next = (recall->next + 1) % RECALL_MAX;
	}
	answer_clear(place);
	*place = fresh;
	pthread_mutex_unlock(&recall->lock);
}
