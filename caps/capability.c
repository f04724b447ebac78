#include "caps/set.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DENIED false
#define REFUSES false
#define EMPTY true
#define NOT_PROVIDED NULL

static const struct capability_row rows[] = {
#define CAPABILITY(id, name, sentence, deed, by_default, parameters, provider, option, field,      \
                   denial, answer)                                                                 \
	[id] = {name, sentence, deed, by_default, parameters, provider, option, field, denial, answer},
#include "caps/capability.def"
};

static const struct limit_row limit_rows[] = {
#define LIMIT(id, name, sentence, by_default, parameters, provider, option, answer)                \
	[id] = {name, sentence, by_default, parameters, provider, option, answer},
#include "caps/capability.def"
};

_Static_assert(sizeof(rows) / sizeof(*rows) == CAPABILITY_COUNT, "a row for each capability");

const struct capability_row *capability_row(enum capability id)
{
	return (unsigned)id < CAPABILITY_COUNT ? &rows[id] : NULL;
}

const struct limit_row *limit_row(enum run_limit id)
{
	return (unsigned)id < LIMIT_COUNT ? &limit_rows[id] : NULL;
}

bool caps_is_granted(const struct caps *caps, enum capability id)
{
	return (unsigned)id < CAPABILITY_COUNT && caps->granted[id];
}

bool caps_was_denied(const struct caps *caps, enum capability id)
{
	return (unsigned)id < CAPABILITY_COUNT && caps->denied[id];
}

const char *caps_denial(const struct caps *caps)
{
	return caps->denial;
}

const char *caps_limit_reached(const struct caps *caps)
{
	return caps->limit_reached;
}

void caps_set_granter(struct caps *caps, enum caps_granter granter)
{
	caps->granter = granter;
}

static const char *way_to_grant(const struct caps *caps, enum capability id)
{
	return caps->granter == CAPS_GRANTER_TEMPLATE ? rows[id].field : rows[id].option;
}

void note_read_only(struct caps *caps, const char *guest)
{
	caps->denied[CAP_FILES] = true;
	if (caps->denial)
		return;
	char text[512];
	snprintf(text, sizeof(text),
	         "the module tried to change files below %.180s, which is granted read-only; %s", guest,
	         caps->granter == CAPS_GRANTER_TEMPLATE ? "say access: rw in permissions.files"
	                                                : "leave away the :ro of its --dir");
	caps->denial = strdup(text);
}

/* The granters give these unless they are told not to; a limit of theirs would give none back. */
static const char *output_denied(const struct caps *caps)
{
	return caps->granter == CAPS_GRANTER_TEMPLATE
	           ? "the module asked for %1$s, which is not granted; list %1$s in permissions.stdio"
	           : "the module asked for %1$s, which is not granted; leave away --no-%1$s, or list "
	             "it "
	             "in stdio of the policy";
}

void caps_note_denied(struct caps *caps, enum capability id, const char *detail)
{
	if ((unsigned)id >= CAPABILITY_COUNT)
		return;
	caps->denied[id] = true;
	if (caps->denial)
		return;
	char text[512];
	bool is_output = id == CAP_STDOUT || id == CAP_STDERR;
	if (is_output && !detail)
		snprintf(text, sizeof(text), output_denied(caps), rows[id].name);
	else if (detail)
		snprintf(text, sizeof(text), "the module tried to %s; grant it by %s", detail,
		         way_to_grant(caps, id));
	else
		snprintf(text, sizeof(text), "the module asked for %s, which is not granted; add %s",
		         rows[id].name, way_to_grant(caps, id));
	caps->denial = strdup(text);
}

int require(struct caps *caps, enum capability id)
{
	if (caps->granted[id])
		return 0;
	caps_note_denied(caps, id, NULL);
	return -EACCES;
}

void note_limit(struct caps *caps, const char *fmt, ...)
{
	if (caps->limit_reached)
		return;
	char text[256];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	caps->limit_reached = strdup(text);
}
