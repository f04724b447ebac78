/* tiphys broker [OPTIONS]: started by `tiphys run`, with the options that it was given, for a run
 * that may reach out. Serves the run at the other end of BROKER_FD. */
#include "caps/cleanup.h"
#include "plugin/broker.h"
#include "plugin/broker_options.h"
#include "plugin/broker_start.h"
#include "plugin/command.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

struct broker_command {
	struct broker_options broker;
};

static const struct option rows[] = {
    BROKER_ROWS(struct broker_command),
};

static const struct command_line line = {
    .name = "broker",
    .operands = "",
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .notes = "Started by `tiphys run` alone, at the other end of a socket.\n",
};

static bool read_terms(const struct broker_options *options, struct broker_terms *terms,
                       struct error *err)
{
	terms->has_http = options->http.count > 0;
	terms->http.concurrent = (unsigned)options->http_concurrent;
	terms->http.body_max = options->http_body;
	terms->http.stall_seconds = terms->sockets.stall_seconds = (unsigned)options->stall_seconds;
	if (options->http_timeout != 0)
		terms->http.timeout_ms =
		    options->http_timeout < INT_MAX ? (unsigned)options->http_timeout : INT_MAX;
	for (size_t i = 0; i < options->http.count; i++) {
		if (!origins_add(&terms->http.hosts, options->http.items[i], err)) {
			error_wrap(err, "--http");
			return false;
		}
	}
	for (size_t i = 0; i < options->http_methods.count; i++) {
		if (!http_terms_add_method(&terms->http, options->http_methods.items[i], err)) {
			error_wrap(err, "--http-method");
			return false;
		}
	}
	for (size_t i = 0; i < options->sockets.count; i++) {
		if (!socket_terms_add(&terms->sockets, options->sockets.items[i], err)) {
			error_wrap(err, "--socket");
			return false;
		}
	}
	return true;
}

/* Values that are kept as long as this process lives, which is as long as the run. */
static bool read_kv(const struct broker_options *options, struct kv_terms *terms, struct error *err)
{
	if (options->kv == NULL)
		return true;
	terms->access = strcmp(options->kv, "ro") == 0 ? BROKER_READ : BROKER_READ_WRITE;
	terms->space = strdup("");
	terms->store = kv_store_create(&(struct kv_limits){0}, err);
	return terms->store != NULL;
}

struct store {
	struct s3_place place;
	struct transfers *transfers;
};

static const char *variable(const char *given, const char *name)
{
	const char *value = given != NULL ? given : getenv(name);
	return value != NULL && *value != '\0' ? value : NULL;
}

/* BUCKET[/PREFIX][:ro|:rw] */
static bool add_blob(struct blob_terms *terms, const char *text, struct error *err)
{
	cleanup_free char *bucket = strdup(text);
	if (bucket == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the grants");
	char *access = strrchr(bucket, ':');
	bool may_write = access != NULL && strcmp(access, ":rw") == 0;
	if (may_write || (access != NULL && strcmp(access, ":ro") == 0))
		*access = '\0';
	char *slash = strchr(bucket, '/');
	if (slash != NULL)
		*slash++ = '\0';
	return blob_terms_add(terms, bucket, slash != NULL ? slash : "", may_write, err);
}

static bool read_blob(const struct broker_options *options, struct store *store,
                      struct blob_terms *terms, struct error *err)
{
	const unsigned given = (unsigned)options->stall_seconds;
	const struct transfer_options patience = {.connect_seconds = transfer_connect_seconds(given),
	                                          .stall_seconds = transfer_stall_seconds(given),
	                                          .stall_option = "--" TRANSFER_STALL_OPTION,
	                                          .retries = 2};
	const char *endpoint = variable(options->blob_endpoint, "AWS_ENDPOINT_URL");
	const char *region = variable(options->blob_region, "AWS_REGION");
	if (options->blobs.count == 0)
		return true;
	for (size_t i = 0; i < options->blobs.count; i++) {
		if (!add_blob(terms, options->blobs.items[i], err)) {
			error_wrap(err, "--blob");
			return false;
		}
	}
	if (endpoint == NULL)
		return error_set(err, ERROR_USAGE,
		                 "--blob wants --blob-endpoint URL, or $AWS_ENDPOINT_URL");
	if (!s3_place_set_endpoint(&store->place, endpoint, err) ||
	    !store_keys_of_sdk(&store->place.keys, err)) {
		error_wrap(err, "--blob");
		return false;
	}
	if (region != NULL && (store->place.region = strdup(region)) == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the grants");
	store->transfers = transfers_create(&patience, err);
	terms->place = &store->place;
	terms->transfers = store->transfers;
	terms->bytes_max = options->blob_bytes;
	terms->folder = variable(NULL, "TMPDIR");
	if (terms->folder == NULL)
		terms->folder = "/tmp";
	return store->transfers != NULL;
}

int cmd_broker(int argc, char **argv)
{
	struct broker_command command = {0};
	struct broker_terms terms = {0};
	struct store store = {0};
	struct operands operands;
	struct error err = ERROR_INIT;
	char text[sizeof err.message + 128];
	int status;
	if (!options_take(&line, argc, argv, &command, &operands, &status))
		return status;
	/* A key that interrupts the run is the run's to see; this process ends with it. */
	signal(SIGINT, SIG_IGN);
	prctl(PR_SET_NAME, "tiphys-broker");
	if (read_terms(&command.broker, &terms, &err) && read_kv(&command.broker, &terms.kv, &err) &&
	    read_blob(&command.broker, &store, &terms.blob, &err))
		broker_serve(BROKER_FD, &terms, &err);
	if (err.kind != ERROR_NONE)
		fprintf(stderr, "tiphys run: %s\n", error_format(&err, text, sizeof text));
	transfers_destroy(store.transfers);
	s3_place_clear(&store.place);
	kv_store_destroy(terms.kv.store);
	broker_terms_clear(&terms);
	broker_options_clear(&command.broker);
	return error_exit_status(err.kind);
}
