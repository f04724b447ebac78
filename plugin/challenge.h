/* What a server wants for an answer: WWW-Authenticate (RFC 9110, 11.6.1). */
#ifndef PLUGIN_CHALLENGE_H
#define PLUGIN_CHALLENGE_H

#include <stdbool.h>

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
	enum challenge_scheme scheme;
	char realm[1024]; /* of Bearer: the token server's URL */
	char service[256];
	char scope[512];
};

/* `lines` are the header's values, one a line, each with one challenge. Bearer is preferred; other
 * schemes and what does not parse are passed over. */
void challenge_parse(const char *lines, struct challenge *challenge);

#endif
