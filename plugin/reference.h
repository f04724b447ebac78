/* References to modules: "host[:port]/repository[:tag][@digest]", by the grammar of the
 * distribution specification (repository and tag) and the image specification (digest).
 *
 * As everywhere with containers, a first part that has neither '.' nor ':' and is not "localhost"
 * belongs to the repository: then the host is docker.io, and a repository of one part is one of
 * "library/". Without tag and digest the tag is "latest". With both, the digest decides. */
#ifndef PLUGIN_REFERENCE_H
#define PLUGIN_REFERENCE_H

#include "plugin/digest.h"
#include "validator/error.h"

#include <stdbool.h>

#define REFERENCE_HOST_MAX 255
#define REFERENCE_REPOSITORY_MAX 255
#define REFERENCE_TAG_MAX 128
#define REFERENCE_TEXT_SIZE 800

struct reference {
	char host[REFERENCE_HOST_MAX + 1]; /* with ":port" where one is given; "[::1]:5000" */
	char repository[REFERENCE_REPOSITORY_MAX + 1];
	char tag[REFERENCE_TAG_MAX + 1]; /* "" when only a digest is given */
	bool has_digest;
	struct digest digest;
};

/* ERROR_USAGE with the reason and the position when the text is none. */
bool reference_parse(struct reference *reference, const char *text, struct error *err);

/* Why no reference can begin with this text, "host[:port]" or "host[:port]/part/of/repository";
 * NULL when one can. A static string. */
const char *reference_prefix_fault(const char *text);

/* The whole canonical text: nothing is left to defaults. */
char *reference_format(const struct reference *reference, char text[REFERENCE_TEXT_SIZE]);

/* "host/repository:tag", the name that an image layout lists; "" without a tag. */
char *reference_name(const struct reference *reference, char text[REFERENCE_TEXT_SIZE]);

/* What a program is called that comes from there: the last part of the repository. */
const char *reference_program(const struct reference *reference);

/* The digest, or else the tag: what stands behind /manifests/. */
char *reference_target(const struct reference *reference, char text[DIGEST_TEXT_SIZE]);

/* Whether `host` (as in struct reference) is in a comma list of host[:port]; an entry without a
 * port stands for all ports of the host. Blanks around entries do not count; case neither. */
bool reference_host_listed(const char *host, const char *list);

#endif
