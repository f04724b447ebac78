#include "caps/set.h"

#include "caps/broker_call.h"
#include "caps/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct caps *caps_create(void)
{
	struct caps *caps = calloc(1, sizeof(*caps));
	if (!caps)
		return NULL;
	caps->open_limit = CAPS_OPEN_FILES_DEFAULT;
	for (int i = 0; i < 3; i++)
		caps->streams[i].fd = -1;
	clock_init(caps);
	return caps;
}

static void strings_clear(struct strings *strings)
{
	for (size_t i = 0; i < strings->count; i++)
		free(strings->items[i]);
	free(strings->items);
}

void caps_destroy(struct caps *caps)
{
	if (!caps)
		return;
	for (uint32_t fd = 0; fd < caps->table_size; fd++)
		descriptor_clear(caps, fd);
	free(caps->table);
	for (uint32_t i = 0; i < caps->root_count; i++)
		free(caps->roots[i].guest);
	free(caps->roots);
	for (int i = 0; i < 3; i++)
		stream_clear(&caps->streams[i]);
	strings_clear(&caps->args);
	strings_clear(&caps->env);
	broker_destroy(caps->broker);
	sockets_clear(caps);
	free(caps->denial);
	free(caps->limit_reached);
	free(caps);
}

int strings_add(struct strings *strings, char *text)
{
	if (strings->count == strings->room) {
		size_t room = strings->room ? strings->room * 2 : 8;
		char **items = reallocarray(strings->items, room, sizeof(*items));
		if (!items)
			return -ENOMEM;
		strings->items = items;
		strings->room = room;
	}
	strings->items[strings->count++] = text;
	return 0;
}

int caps_grant_arg(struct caps *caps, const char *arg)
{
	cleanup_free char *copy = strdup(arg);
	if (!copy)
		return -ENOMEM;
	int rc = strings_add(&caps->args, copy);
	if (rc < 0)
		return rc;
	take_ptr(&copy);
	caps->granted[CAP_ARGS] = true;
	return 0;
}

int caps_grant_env(struct caps *caps, const char *name, const char *value)
{
	size_t len = strlen(name);
	if (len == 0 || strchr(name, '='))
		return -EINVAL;
	size_t size = len + 1 + strlen(value) + 1;
	cleanup_free char *text = malloc(size);
	if (!text)
		return -ENOMEM;
	snprintf(text, size, "%s=%s", name, value);
	caps->granted[CAP_ENV] = true;
	for (size_t i = 0; i < caps->env.count; i++) {
		if (strncmp(caps->env.items[i], text, len + 1) == 0) {
			free(caps->env.items[i]);
			caps->env.items[i] = take_ptr(&text);
			return 0;
		}
	}
	int rc = strings_add(&caps->env, text);
	if (rc == 0)
		take_ptr(&text);
	return rc;
}

static struct caps_strings strings_view(struct caps *caps, enum capability id,
                                        const struct strings *strings)
{
	if (!caps->granted[id]) {
		caps->denied[id] = true;
		return (struct caps_strings){NULL, 0};
	}
	return (struct caps_strings){(const char *const *)strings->items, strings->count};
}

/* An empty list is an answer: every program asks for its arguments when it starts, so the denial is
 * marked but makes no sentence. */
struct caps_strings caps_args(struct caps *caps)
{
	return strings_view(caps, CAP_ARGS, &caps->args);
}

struct caps_strings caps_env(struct caps *caps)
{
	return strings_view(caps, CAP_ENV, &caps->env);
}
