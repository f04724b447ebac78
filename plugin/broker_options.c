#include "plugin/broker_options.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void broker_options_clear(struct broker_options *options)
{
	option_texts_clear(&options->http);
	option_texts_clear(&options->http_methods);
	option_texts_clear(&options->sockets);
	option_texts_clear(&options->blobs);
}

bool broker_options_grant(const struct broker_options *options)
{
	return options->http.count > 0 || options->kv != NULL || options->sockets.count > 0 ||
	       options->blobs.count > 0;
}

#define NUMBERS 5
#define NUMBER_SIZE 24 /* of a decimal number of 64 bits and its unit */

struct words {
	char **list;
	size_t count;
	char *numbers; /* room for them behind the list */
};

static void add(struct words *words, const char *name, const char *value)
{
	words->list[words->count++] = (char *)(uintptr_t)name;
	words->list[words->count++] = (char *)(uintptr_t)value;
}

static void add_texts(struct words *words, const char *name, const struct option_texts *texts)
{
	for (size_t i = 0; i < texts->count; i++)
		add(words, name, texts->items[i]);
}

static void add_measure(struct words *words, const char *name, uint64_t value, const char *unit)
{
	if (value == 0)
		return;
	snprintf(words->numbers, NUMBER_SIZE, "%" PRIu64 "%s", value, unit);
	add(words, name, words->numbers);
	words->numbers += NUMBER_SIZE;
}

static void add_number(struct words *words, const char *name, uint64_t value)
{
	add_measure(words, name, value, "");
}

char **broker_options_words(const struct broker_options *options, const char *const *first,
                            size_t first_count)
{
	size_t texts = options->http.count + options->http_methods.count + options->sockets.count +
	               options->blobs.count;
	size_t room = (first_count + 2 * (texts + NUMBERS + 2) + 2) * sizeof(char *);
	struct words words = {.list = calloc(1, room + (size_t)NUMBERS * NUMBER_SIZE)};
	if (words.list == NULL)
		return NULL;
	words.numbers = (char *)words.list + room;
	for (size_t i = 0; i < first_count; i++)
		words.list[words.count++] = (char *)(uintptr_t)first[i];
	add_texts(&words, "--http", &options->http);
	add_texts(&words, "--http-method", &options->http_methods);
	add_texts(&words, "--socket", &options->sockets);
	add_texts(&words, "--blob", &options->blobs);
	if (options->blob_endpoint != NULL)
		add(&words, "--blob-endpoint", options->blob_endpoint);
	if (options->blob_region != NULL)
		add(&words, "--blob-region", options->blob_region);
	add_number(&words, "--blob-bytes", options->blob_bytes);
	add_number(&words, "--http-concurrent", options->http_concurrent);
	add_number(&words, "--http-body", options->http_body);
	add_number(&words, "--" TRANSFER_STALL_OPTION, options->stall_seconds);
	add_measure(&words, "--http-timeout", options->http_timeout, "ms");
	if (options->kv != NULL)
		words.list[words.count++] =
		    (char *)(uintptr_t)(strcmp(options->kv, "ro") == 0 ? "--kv=ro" : "--kv=rw");
	return words.list;
}
