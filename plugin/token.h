/* The bearer token that Argo's agent shares with this plugin alone: a file that its init container
 * writes. It is read here and nowhere else. */
#ifndef PLUGIN_TOKEN_H
#define PLUGIN_TOKEN_H

#include "validator/error.h"

#include <pthread.h>

#define TOKEN_MAX 4096

struct token {
	const char *path; /* borrowed; NULL: no token is asked for */
	pthread_mutex_t lock;
	char text[TOKEN_MAX]; /* the last good reading, terminated */
};

enum token_verdict {
	TOKEN_GOOD,
	TOKEN_MISSING, /* no header, or not of the form "Bearer TOKEN" */
	TOKEN_WRONG,
};

/* Reads the file for the first time. With path NULL every caller is let in. False when the file
 * cannot be read, is empty, too long, or holds anything but one line of printable characters. */
bool token_init(struct token *token, const char *path, struct error *err);
void token_clear(struct token *token);

/* Judges the value of an Authorization header (NULL: none). The file is read anew each time, so
 * that a replaced token counts from the next call on; while it is unreadable or empty (someone is
 * writing it) the last good one counts. The comparison takes the same time wherever two tokens
 * differ. */
enum token_verdict token_check(struct token *token, const char *authorization);

#endif
