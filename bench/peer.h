/* Other runtimes, found by name or given as NAME=COMMAND. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "plugin/options.h"

/* The row for a command whose struct has `struct option_texts` in that field. */
#define OPTION_PEERS(type, field)                                                                  \
	OPTION_TEXTS(                                                                                  \
	    type, field, "peer", "NAME=COMMAND",                                                       \
	    "another runtime; the module's path is put behind COMMAND, whose words are parted "        \
	    "at blanks outside of quotes. May be given again")

struct peer {
	char *name;
	char *version; /* the first line of what it says to be, or "" */
	char **words;  /* the command without the module; ends with NULL */
	size_t word_count;
	bool is_own; /* tiphys itself */
};

struct peers {
	struct peer *items;
	size_t count;
};

/* Whether what was given has the form of a peer, before anything is made: false with *err. */
bool peers_check(const struct option_texts *given, struct error *err);

/* tiphys itself, at the path `own`: "tiphys", without its cache, and with a `cache` directory also
 * "tiphys, cached". Behind it the peers of peer.def that are on the path, and those of `given`
 * (NAME=COMMAND, parted as by words_split()), which stand in for one of the same name. *peers is
 * {0} before and is for peers_clear() after, on failure too. */
bool peers_find(struct peers *peers, const struct option_texts *given, const char *own,
                const char *cache, struct error *err);
void peers_clear(struct peers *peers);
#define cleanup_peers __attribute__((cleanup(peers_clear)))

/* The peer's command, further words up to NULL (or NULL), and the guest's path and arguments up to
 * NULL; for free(), its words borrowed. NULL without memory. */
char **peer_command(const struct peer *peer, const char *const *words, char *const *guest);

/* The path of an executable on PATH, for free(); NULL when there is none. */
char *find_on_path(const char *executable);

#endif
