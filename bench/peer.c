#include "bench/peer.h"

#include "bench/data.h"
#include "bench/peer.def"
#include "bench/process.h"
#include "bench/words.h"
#include "caps/cleanup.h"

#include <string.h>

enum { WORDS_MAX = 4 };

struct peer_row {
	const char *name, *executable;
	const char *version[WORDS_MAX], *words[WORDS_MAX];
};

static const struct peer_row rows[] = {
#define WORDS(...) {__VA_ARGS__}
#define X(name, executable, version, words) {name, executable, version, words},
    PEERS(X)
#undef X
#undef WORDS
};

char *find_on_path(const char *executable)
{
	const char *path = getenv("PATH");
	while (path != NULL && *path != '\0') {
		size_t length = strcspn(path, ":");
		char *candidate;
		if (asprintf(&candidate, "%.*s/%s", (int)length, path, executable) < 0)
			return NULL;
		if (access(candidate, X_OK) == 0)
			return candidate;
		free(candidate);
		path += length + (path[length] == ':');
	}
	return NULL;
}

static struct peer *find_peer(struct peers *peers, const char *name)
{
	for (size_t i = 0; i < peers->count; i++)
		if (strcmp(peers->items[i].name, name) == 0)
			return &peers->items[i];
	return NULL;
}

static void peer_clear(struct peer *peer)
{
	for (size_t i = 0; i < peer->word_count; i++)
		free(peer->words[i]);
	free(peer->words);
	free(peer->version);
	free(peer->name);
}

void peers_clear(struct peers *peers)
{
	for (size_t i = 0; i < peers->count; i++)
		peer_clear(&peers->items[i]);
	free(peers->items);
	*peers = (struct peers){0};
}

static struct peer *add_peer(struct peers *peers, const char *name)
{
	struct peer *grown = realloc(peers->items, (peers->count + 1) * sizeof *grown);
	if (grown == NULL)
		return NULL;
	peers->items = grown;
	grown[peers->count] = (struct peer){.name = strdup(name), .version = strdup("")};
	return &grown[peers->count++];
}

static bool add_word(struct peer *peer, const char *word, size_t length)
{
	char **grown = realloc(peer->words, (peer->word_count + 2) * sizeof *grown);
	if (grown == NULL)
		return false;
	peer->words = grown;
	grown[peer->word_count] = strndup(word, length);
	grown[peer->word_count + 1] = NULL;
	return grown[peer->word_count++] != NULL;
}

/* A word of the table; "@data/NAME" becomes the path of that file. */
static bool add_table_word(struct peer *peer, const char *word, struct error *err)
{
	static const char data[] = "@data/";
	if (strncmp(word, data, sizeof data - 1) != 0)
		return add_word(peer, word, strlen(word));
	const char *name = word + sizeof data - 1;
	cleanup_free char *path = data_find(name);
	if (path == NULL)
		return error_set(err, ERROR_SYSTEM,
		                 "there is no %s, which %s is measured by; build or install tiphys anew",
		                 name, peer->name);
	return add_word(peer, path, strlen(path));
}

/* Asks an executable what it is; keeps the first line, whatever its exit status. */
static void ask_version(struct peer *peer, char *executable, const char *const *words)
{
	char *argv[WORDS_MAX + 2] = {executable};
	cleanup_process struct process_result result = {0};
	struct error ignored = ERROR_INIT;
	if (words[0] == NULL)
		return;
	for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	if (!process_run(argv, &(struct process_options){.seconds = 10}, &result, &ignored))
		return;
	const char *line = result.output != NULL ? result.output : result.complaint;
	free(peer->version);
	peer->version = strndup(line, strcspn(line, "\n"));
}

static bool add_row(struct peers *peers, const struct peer_row *row, struct error *err)
{
	if (find_peer(peers, row->name) != NULL)
		return true;
	cleanup_free char *executable = find_on_path(row->executable);
	if (executable == NULL)
		return true;
	struct peer *peer = add_peer(peers, row->name);
	if (peer == NULL || !add_word(peer, executable, strlen(executable)))
		return false;
	for (size_t i = 0; i < WORDS_MAX && row->words[i] != NULL; i++)
		if (!add_table_word(peer, row->words[i], err))
			return false;
	ask_version(peer, executable, row->version);
	return true;
}

/* The COMMAND of NAME=COMMAND, or NULL. */
static const char *command_of(const char *given, struct error *err)
{
	const char *command = strchr(given, '=');
	if (command == NULL || command == given || command[1] == '\0')
		error_put(err, ERROR_USAGE, "--peer \"%s\": is no NAME=COMMAND", given);
	else if (command[1 + strspn(command + 1, " ")] == '\0')
		error_put(err, ERROR_USAGE, "--peer \"%s\": its command is empty", given);
	else
		return command + 1;
	return NULL;
}

bool peers_check(const struct option_texts *given, struct error *err)
{
	for (size_t i = 0; i < given->count; i++)
		if (command_of(given->items[i], err) == NULL)
			return false;
	return true;
}

static bool add_given(struct peers *peers, const char *given, struct error *err)
{
	const char *command = command_of(given, err);
	if (command == NULL)
		return false;
	cleanup_free char *name = strndup(given, (size_t)(command - 1 - given));
	if (name != NULL && find_peer(peers, name) != NULL)
		return error_set(err, ERROR_USAGE, "--peer \"%s\": there is a %s already", given, name);
	size_t count;
	char **words = words_split(command, &count, err);
	if (words == NULL)
		return false;
	struct peer *peer = name != NULL ? add_peer(peers, name) : NULL;
	if (peer == NULL) {
		words_free(words);
		return error_set(err, ERROR_NO_MEMORY, "no memory for the peers");
	}
	peer->words = words;
	peer->word_count = count;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(rows[i].name, peer->name) == 0)
			ask_version(peer, peer->words[0], rows[i].version);
	return true;
}

/* `words` go up to NULL. */
static bool add_own(struct peers *peers, const char *name, const char *const *words)
{
	static const char *const version[WORDS_MAX] = {"--version"};
	struct peer *peer = add_peer(peers, name);
	if (peer == NULL)
		return false;
	peer->is_own = true;
	for (size_t i = 0; words[i] != NULL; i++)
		if (!add_word(peer, words[i], strlen(words[i])))
			return false;
	ask_version(peer, peer->words[0], version);
	return true;
}

bool peers_find(struct peers *peers, const struct option_texts *given, const char *own,
                const char *cache, struct error *err)
{
	const char *const bare[] = {own, "run", "--no-cache", NULL};
	const char *const cached[] = {own, "run", "--cache-dir", cache, NULL};
	if (!add_own(peers, "tiphys", bare) ||
	    (cache != NULL && !add_own(peers, "tiphys, cached", cached)))
		return error_set(err, ERROR_NO_MEMORY, "no memory for the peers");
	for (size_t i = 0; i < given->count; i++)
		if (!add_given(peers, given->items[i], err))
			return false;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (!add_row(peers, &rows[i], err)) /* what it says goes first */
			return error_set(err, ERROR_NO_MEMORY, "no memory for the peers");
	return true;
}

char **peer_command(const struct peer *peer, const char *const *words, char *const *guest)
{
	size_t count = 0, guest_count = 0;
	while (words != NULL && words[count] != NULL)
		count++;
	while (guest[guest_count] != NULL)
		guest_count++;
	char **argv = calloc(peer->word_count + count + guest_count + 1, sizeof *argv);
	if (argv == NULL)
		return NULL;
	memcpy(argv, peer->words, peer->word_count * sizeof *argv);
	for (size_t i = 0; i < count; i++)
		argv[peer->word_count + i] = (char *)(uintptr_t)words[i];
	memcpy(argv + peer->word_count + count, guest, guest_count * sizeof *argv);
	return argv;
}
