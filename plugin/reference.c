#include "plugin/reference.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Labels of letters, digits and inner hyphens between dots, or a bracketed IPv6 address; then
 * perhaps a port of 1..65535. */
static const char *host_fault(const char *host)
{
	const char *at = host;
	if (*at == '[') {
		size_t size = strspn(at + 1, "0123456789abcdefABCDEF:.");
		if (size < 2 || at[1 + size] != ']')
			return "the bracketed address is not complete";
		at += size + 2;
	} else {
		for (;;) {
			const char *label = at;
			while (isalnum((unsigned char)*at) || *at == '-')
				at++;
			if (at == label || *label == '-' || at[-1] == '-')
				return "the host's name has an empty part or a stray character";
			if (*at != '.')
				break;
			at++;
		}
	}
	if (*at == '\0')
		return NULL;
	if (*at != ':')
		return "the host's name has a stray character";
	unsigned long port = 0;
	const char *digits = ++at;
	while (is_digit(*at) && at - digits < 6)
		port = port * 10 + (unsigned long)(*at++ - '0');
	if (*at != '\0' || port < 1 || port > 65535)
		return "the port is not a number from 1 to 65535";
	return NULL;
}

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)* */
static const char *repository_fault(const char *text)
{
	if (*text == '\0')
		return "the repository is missing";
	const char *at = text;
	for (;;) {
		const char *run = at;
		while (is_lower_or_digit(*at))
			at++;
		if (at == run)
			return isupper((unsigned char)*at) ? "a repository has lower-case letters only"
			                                   : "the repository has an empty part or a stray "
			                                     "character";
		if (*at == '\0')
			return NULL;
		if (*at == '/' || *at == '.') {
			at++;
		} else if (*at == '_') {
			at += at[1] == '_' ? 2 : 1;
		} else if (*at == '-') {
			while (*at == '-')
				at++;
		} else if (isupper((unsigned char)*at)) {
			return "a repository has lower-case letters only";
		} else {
			return "the repository has a stray character";
		}
	}
}

/* [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127} */
static const char *tag_fault(const char *tag)
{
	if (!is_word(*tag))
		return "the tag does not begin with a letter, a digit or '_'";
	for (const char *at = tag; *at != '\0'; at++)
		if (!is_word(*at) && *at != '.' && *at != '-')
			return "the tag has a stray character";
	return NULL;
}

static bool refuse(const char *text, const char *why, struct error *err)
{
	char shown[128];
	size_t used = 0;
	for (const char *at = text; *at != '\0' && used < sizeof shown - 4; at++)
		shown[used++] = *at >= ' ' && *at <= '~' ? *at : '?';
	strcpy(shown + used, text[used] != '\0' ? "..." : "");
	return error_set(err, ERROR_USAGE,
	                 "'%s' is no module reference: %s "
	                 "(expected host[:port]/repository[:tag][@sha256:...])",
	                 shown, why);
}

static bool is_host(const char *part)
{
	return strpbrk(part, ".:[") != NULL || strcmp(part, "localhost") == 0;
}

bool reference_parse(struct reference *reference, const char *text, struct error *err)
{
	struct reference out = {0};
	char rest[REFERENCE_TEXT_SIZE];
	if (strlen(text) >= sizeof rest)
		return refuse(text, "it is too long", err);
	if (strstr(text, "://") != NULL)
		return refuse(text, "it has no scheme before the host", err);
	strcpy(rest, text);

	char *at_sign = strchr(rest, '@');
	if (at_sign != NULL) {
		*at_sign = '\0';
		if (!digest_parse(&out.digest, at_sign + 1))
			return refuse(text, "the digest is not sha256: or sha512: and lower-case hex", err);
		out.has_digest = true;
	}

	char *repository = rest;
	char *slash = strchr(rest, '/');
	if (slash != NULL) {
		*slash = '\0';
		if (is_host(rest)) {
			repository = slash + 1;
			if (strlen(rest) > REFERENCE_HOST_MAX)
				return refuse(text, "the host's name is too long", err);
			const char *fault = host_fault(rest);
			if (fault != NULL)
				return refuse(text, fault, err);
			strcpy(out.host, rest);
		} else {
			*slash = '/';
		}
	}
	bool hub = out.host[0] == '\0' || strcmp(out.host, "docker.io") == 0 ||
	           strcmp(out.host, "index.docker.io") == 0;
	if (hub)
		strcpy(out.host, "docker.io");

	char *colon = strchr(repository, ':');
	if (colon != NULL) {
		*colon = '\0';
		if (strlen(colon + 1) > REFERENCE_TAG_MAX)
			return refuse(text, "the tag is longer than 128 characters", err);
		const char *fault = tag_fault(colon + 1);
		if (fault != NULL)
			return refuse(text, fault, err);
		strcpy(out.tag, colon + 1);
	} else if (!out.has_digest) {
		strcpy(out.tag, "latest");
	}

	const char *fault = repository_fault(repository);
	if (fault != NULL)
		return refuse(text, fault, err);
	const char *library = hub && strchr(repository, '/') == NULL ? "library/" : "";
	if (strlen(library) + strlen(repository) > REFERENCE_REPOSITORY_MAX)
		return refuse(text, "the repository is longer than 255 characters", err);
	strcpy(out.repository, library);
	strcat(out.repository, repository);
	*reference = out;
	return true;
}

const char *reference_prefix_fault(const char *text)
{
	char host[REFERENCE_HOST_MAX + 1];
	size_t size = strcspn(text, "/");
	if (*text == '\0')
		return "it is empty";
	if (strstr(text, "://") != NULL)
		return "it has a scheme; leave that out";
	if (size >= sizeof host)
		return "the host's name is too long";
	memcpy(host, text, size);
	host[size] = '\0';
	if (!is_host(host))
		return "it does not begin with a host; modules without one come from docker.io";
	if (strcmp(host, "index.docker.io") == 0)
		return "that one is called docker.io";
	/* They are compared as they are written. */
	for (const char *at = host; *at != '\0'; at++)
		if (isupper((unsigned char)*at))
			return "the host's name has capitals; write it in lower case";
	const char *fault = host_fault(host);
	if (fault != NULL || text[size] == '\0')
		return fault;
	if (text[strlen(text) - 1] == '/')
		return "it ends in a slash; leave that out";
	if (strpbrk(text + size, ":@") != NULL)
		return "it has a tag or a digest; leave that out";
	return repository_fault(text + size + 1);
}

char *reference_format(const struct reference *reference, char text[REFERENCE_TEXT_SIZE])
{
	char digest[DIGEST_TEXT_SIZE] = "";
	if (reference->has_digest)
		digest_format(&reference->digest, digest);
	snprintf(text, REFERENCE_TEXT_SIZE, "%s/%s%s%s%s%s", reference->host, reference->repository,
	         reference->tag[0] != '\0' ? ":" : "", reference->tag, reference->has_digest ? "@" : "",
	         digest);
	return text;
}

char *reference_name(const struct reference *reference, char text[REFERENCE_TEXT_SIZE])
{
	text[0] = '\0';
	if (reference->tag[0] != '\0')
		snprintf(text, REFERENCE_TEXT_SIZE, "%s/%s:%s", reference->host, reference->repository,
		         reference->tag);
	return text;
}

char *reference_target(const struct reference *reference, char text[DIGEST_TEXT_SIZE])
{
	if (reference->has_digest)
		return digest_format(&reference->digest, text);
	return strcpy(text, reference->tag);
}

bool reference_host_listed(const char *host, const char *list)
{
	if (list == NULL)
		return false;
	const char *port = host[0] == '[' ? strstr(host, "]:") : strchr(host, ':');
	size_t name_size = strlen(host);
	if (port != NULL)
		name_size = (size_t)(port - host) + (host[0] == '[' ? 1 : 0);
	for (const char *at = list; *at != '\0';) {
		size_t size = strcspn(at, ",");
		const char *entry = at;
		size_t entry_size = size;
		while (entry_size > 0 && isspace((unsigned char)*entry)) {
			entry++;
			entry_size--;
		}
		while (entry_size > 0 && isspace((unsigned char)entry[entry_size - 1]))
			entry_size--;
		if ((entry_size == strlen(host) || entry_size == name_size) && entry_size > 0 &&
		    strncasecmp(entry, host, entry_size) == 0)
			return true;
		at += size;
		if (*at == ',')
			at++;
	}
	return false;
}

const char *reference_program(const struct reference *reference)
{
	const char *slash = strrchr(reference->repository, '/');
	return slash != NULL ? slash + 1 : reference->repository;
}
