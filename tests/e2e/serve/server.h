/* Starts and ends a real `tiphys serve` on 127.0.0.1, and looks at what it leaves. */
#ifndef TESTS_E2E_SERVE_SERVER_H
#define TESTS_E2E_SERVE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SERVER_TOKEN "0123456789abcdef0123456789ABCDEF"

/* How long it is looked for what is waited for, before the test fails. */
#define PATIENCE_MS 30000

/* The folders and modules that all servers of a test share. */
struct site {
	char dir[64];                             /* its own folder: token, store, work, cache */
	const char *tiphys;                       /* path of the executable */
	const char *command_wasm, *contract_wasm; /* paths of modules */
};

/* Takes a test's command line: the folder of the executables, and the two modules. False when it is
 * another one. Borrows argv. */
bool site_take(struct site *site, int argc, char **argv);
/* Makes the folder, writes the token, and pushes the modules into the store as test/command:1 and
 * test/contract:1 of registry 127.0.0.1:1, where nobody listens. */
void site_create(struct site *site);
void site_destroy(struct site *site);

/* DIR/NAME, in a static buffer. */
const char *site_path(const struct site *site, const char *name);
void site_write(const struct site *site, const char *name, const char *text);

struct server_process {
	pid_t pid;
	char address[64]; /* host:port */
	char log[128];    /* path */
};

/* Starts with --listen 127.0.0.1:0, the site's token, store, work and cache folders, and `more`
 * (NULL at its end; a `--no-…` there is the caller's). `before` (or NULL) is put before the command
 * line. Fails the test when it does not listen within 10 s. */
void server_start(const struct site *site, struct server_process *server, const char *const *before,
                  const char *const *more);

/* Sends the signal and waits for the end. Milliseconds that it took; *status as of waitpid(). */
double server_end(struct server_process *server, int signal, int *status);
/* Waits until it has ended, for PATIENCE_MS; *status as of waitpid(). */
void wait_for_end(const struct server_process *server, int *status);

/* For a test's teardown: ends what a test that failed left running, servers and whatever else it
 * started, by SIGTERM and, 5 s later, SIGKILL. With them go their steps. */
void end_children(void);

/* The only child of a process, the worker parent left out, or 0; fails the test when there are
 * several. */
pid_t only_child(pid_t parent);
/* Waits until it has one, for PATIENCE_MS. */
pid_t wait_for_child(pid_t parent);
bool is_alive(pid_t pid);
/* Waits until the process is no more, for PATIENCE_MS. */
void assert_ends(pid_t pid);

/* Entries of the site's work folder. */
size_t work_entries(const struct site *site);
/* Steps of the guest command's "hold" that are under way, and the same when they are told to end.
 */
size_t work_held(const struct site *site);
size_t work_let_go(const struct site *site);
/* Waits until so many are, for PATIENCE_MS. */
void wait_for_held(const struct site *site, size_t count);

/* What a server has: its worker processes, descriptors, entries of the site's work folder, and
 * directories of runs in there that hold anything. */
struct server_rest {
	size_t workers, descriptors, entries, runs;
};

/* Behind an answer its step is cleared away, and connections of earlier calls close. Waits until it
 * has no worker and has been the same for a moment, and answers what it has then; fails the test
 * when that is not within 5 s. */
struct server_rest server_settle(const struct site *site, const struct server_process *server);
/* Waits for up to 5 s until it has no worker, no more descriptors than before, and of the rest as
 * much; then fails the test. */
void assert_nothing_is_left(const struct site *site, const struct server_process *server,
                            const struct server_rest *before);

/* Lines of the server's log that hold the text. */
size_t log_lines(const struct server_process *server, const char *text);
/* Waits until there are so many, for PATIENCE_MS. */
void wait_for_log_lines(const struct server_process *server, const char *text, size_t count);

double now_ms(void);
void sleep_ms(unsigned ms);

#endif
