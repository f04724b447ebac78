#include "plugin/challenge.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Reads a token or a quoted string at *at into value (cut at its size). */
static bool value_read(const char **at, const char *end, char *value, size_t size)
{
	size_t used = 0;
	const char *p = *at;
	bool quoted = p < end && *p == '"';
	p += quoted;
	for (; p < end; p++) {
		if (quoted ? *p == '"' : (*p == ',' || isspace((unsigned char)*p)))
			break;
		if (quoted && *p == '\\' && p + 1 < end)
			p++;
		if (used + 1 == size)
			return false;
		value[used++] = *p;
	}
	if (quoted) {
		if (p == end)
			return false;
		p++;
	}
	value[used] = '\0';
	*at = p;
	return true;
}

static bool name_is(const char *name, size_t size, const char *wanted)
{
	return size == strlen(wanted) && strncasecmp(name, wanted, size) == 0;
}

static bool bearer_read(const char *at, const char *end, struct challenge *challenge)
{
	while (at < end) {
		while (at < end && (isspace((unsigned char)*at) || *at == ','))
			at++;
		if (at == end)
			break;
		const char *name = at;
		while (at < end && *at != '=' && !isspace((unsigned char)*at))
			at++;
		size_t size = (size_t)(at - name);
		if (at == end || *at != '=')
			return false;
		at++;
		char unused[1024];
		bool ok = name_is(name, size, "realm")
		              ? value_read(&at, end, challenge->realm, sizeof challenge->realm)
		          : name_is(name, size, "service")
		              ? value_read(&at, end, challenge->service, sizeof challenge->service)
		          : name_is(name, size, "scope")
		              ? value_read(&at, end, challenge->scope, sizeof challenge->scope)
		              : value_read(&at, end, unused, sizeof unused);
		if (!ok)
			return false;
	}
	return challenge->realm[0] != '\0';
}

void challenge_parse(const char *lines, struct challenge *challenge)
{
	*challenge = (struct challenge){0};
	for (const char *line = lines; *line != '\0';) {
		const char *end = line + strcspn(line, "\n");
		size_t scheme = strcspn(line, " \n");
		if (name_is(line, scheme, "bearer")) {
			struct challenge bearer = {.scheme = CHALLENGE_BEARER};
			if (bearer_read(line + scheme, end, &bearer)) {
				*challenge = bearer;
				return;
			}
		} else if (name_is(line, scheme, "basic")) {
			challenge->scheme = CHALLENGE_BASIC;
		}
		line = *end == '\n' ? end + 1 : end;
	}
}
