/* A `tiphys serve` of our own on 127.0.0.1, called as Argo's agent calls it. */
#ifndef BENCH_PLUGIN_SERVER_H
#define BENCH_PLUGIN_SERVER_H

#include "bench/daemon.h"
#include "bench/leftover.h"
#include "bench/measure.h"

#include <curl/curl.h>
#include <stdint.h>

struct plugin_server {
	struct daemon daemon;
	char url[128];
	char token[33], token_file[4096 + 8]; /* that callers must have: hex; the file beside the log */
	char steps[LEFTOVER_FOLDER_SIZE];     /* where the steps' folders are */
	CURL *curl;                           /* one connection, kept open as the agent keeps its own */
};

struct plugin_server_options {
	const char *tiphys; /* path of the executable */
	const char *log;    /* path of the file that it makes */
	const char *cache;  /* directory */
	const char *store;  /* an image layout, or NULL for registries alone */
	unsigned places; /* steps that may run at a time, none of them ready before; 0: as by default */
};

/* *server is {0} before and is for plugin_server_end() after, on failure too. */
bool plugin_server_start(struct plugin_server *server, const struct plugin_server_options *options,
                         struct error *err);
void plugin_server_end(struct plugin_server *server);

/* One step that is asked for. */
struct plugin_request {
	struct plugin_server *server;
	char *body; /* JSON */
};

/* Steps that have their turn, by the server's own count. */
bool plugin_server_running(const struct plugin_server *server, uint64_t *steps, struct error *err);

/* The body of a request to run a module of the store as a WASI command, with one argument unless
 * that is NULL; for free(). */
char *plugin_request_body(const char *reference, const char *argument);

/* A cell_function; env is a struct plugin_request. The output is the step's result with a newline
 * behind it, the status its exit code. */
cell_function plugin_request_run;

/* A request for what a server was not asked for yet. */
struct plugin_first_request {
	struct plugin_server_options server; /* its cache is removed before */
	char *before; /* the body of a request that goes ahead, for another module; or NULL */
	char *body;
};

/* A cell_function; env is a struct plugin_first_request. A server is started and ended for it, and
 * the request alone is timed. */
cell_function plugin_first_request_run;

/* ---- the parts of that, for whoever sends many at a time ---- */

struct plugin_reply {
	char *text;
	size_t size;
};
void plugin_reply_clear(struct plugin_reply *reply);

/* A client of its own for the server; for curl_easy_cleanup(). NULL without memory. */
CURL *plugin_server_client(const struct plugin_server *server);

/* The next transfer of `curl` is this request; its reply comes into *reply, which must stay. */
void plugin_request_prepare(const struct plugin_request *request, CURL *curl,
                            struct plugin_reply *reply);

/* Reads a reply when the transfer has ended with `code`. *is_running tells that the step goes on,
 * and is to be asked for again by the same bytes; then nothing else is filled. */
bool plugin_reply_take(CURL *curl, CURLcode code, const struct plugin_reply *reply,
                       struct process_result *result, bool *is_running, struct error *err);

#endif
