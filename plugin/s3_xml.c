/* S3's answers: XML of a few levels, by expat. */
#include "plugin/s3_request.h"

#include "validator/printable.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16
#define NAME_MAX_ 64

struct reading {
	XML_Parser parser;
	s3_element *each;
	void *env;
	unsigned depth;
	char names[DEPTH_MAX][NAME_MAX_];
	bool has_children;
	struct bytes text;
	bool failed;
};

static void stop(struct reading *reading)
{
	reading->failed = true;
	XML_StopParser(reading->parser, XML_FALSE);
}

static void on_start(void *env, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *reading = env;
	(void)attributes;
	if (reading->depth == DEPTH_MAX) {
		stop(reading);
		return;
	}
	snprintf(reading->names[reading->depth++], NAME_MAX_, "%s", name);
	reading->has_children = false;
	bytes_clear(&reading->text);
}

static void on_end(void *env, const XML_Char *name)
{
	struct reading *reading = env;
	(void)name;
	reading->depth--;
	if (!reading->has_children &&
	    !reading->each(reading->env, reading->depth == 0 ? "" : reading->names[reading->depth - 1],
	                   reading->names[reading->depth],
	                   reading->text.data == NULL ? "" : reading->text.data))
		stop(reading);
	reading->has_children = true;
	bytes_clear(&reading->text);
}

static void on_text(void *env, const XML_Char *text, int size)
{
	struct reading *reading = env;
	if (!bytes_add(&reading->text, text, (size_t)size))
		stop(reading);
}

/* No answer of S3 has one, and entities are made in one. */
static void on_doctype(void *env, const XML_Char *name, const XML_Char *system,
                       const XML_Char *public, int has_subset)
{
	(void)name;
	(void)system;
	(void)public;
	(void)has_subset;
	stop(env);
}

bool s3_xml(const struct bytes *text, s3_element *each, void *env, struct error *err)
{
	struct reading reading = {.parser = XML_ParserCreate(NULL), .each = each, .env = env};
	if (reading.parser == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for XML");
	XML_SetUserData(reading.parser, &reading);
	XML_SetElementHandler(reading.parser, on_start, on_end);
	XML_SetCharacterDataHandler(reading.parser, on_text);
	XML_SetStartDoctypeDeclHandler(reading.parser, on_doctype);
	bool done = XML_Parse(reading.parser, text->data == NULL ? "" : text->data, (int)text->size,
	                      1) != XML_STATUS_ERROR &&
	            !reading.failed;
	if (!done)
		error_put(err, ERROR_NETWORK, "the server's answer is no XML that S3 has: %s",
		          XML_ErrorString(XML_GetErrorCode(reading.parser)));
	XML_ParserFree(reading.parser);
	bytes_clear(&reading.text);
	return done;
}
