#include "bench/words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Takes a word's bytes to `into`, and gives what is behind it; NULL when a quote does not end. */
static const char *take_word(const char *at, char *into)
{
	char quote = '\0';
	for (; *at != '\0' && (quote != '\0' || *at != ' '); at++) {
		if (*at == quote)
			quote = '\0';
		else if (quote == '\0' && (*at == '\'' || *at == '"'))
			quote = *at;
		else
			*into++ = *at;
	}
	*into = '\0';
	return quote == '\0' ? at : NULL;
}

char **words_split(const char *text, size_t *count, struct error *err)
{
	size_t length = strlen(text);
	/* Every second byte of a text begins a word at most. */
	char **words = calloc(length / 2 + 2, sizeof *words);
	*count = 0;
	for (const char *at = text; words != NULL;) {
		at += strspn(at, " ");
		if (*at == '\0')
			return words;
		char *word = malloc(length + 1);
		if (word == NULL)
			break;
		words[(*count)++] = word;
		at = take_word(at, word);
		if (at == NULL) {
			words_free(words);
			error_put(err, ERROR_USAGE, "%s: a quote does not end", text);
			return NULL;
		}
	}
	words_free(words);
	error_put(err, ERROR_NO_MEMORY, "no memory for the words of a command");
	return NULL;
}

void words_free(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

static bool ends_path(char c)
{
	return c == '\0' || isspace((unsigned char)c) || strchr("'\",:;=", c) != NULL;
}

char *words_without_directories(const char *text)
{
	char *told = malloc(strlen(text) + 1), *into = told;
	bool is_first = true;
	for (const char *at = text; told != NULL && *at != '\0'; at++) {
		if (*at == '/' && is_first) {
			const char *last = at;
			for (const char *end = at; !ends_path(*end); end++)
				if (*end == '/' && !ends_path(end[1]))
					last = end;
			at = last + 1;
			if (*at == '\0')
				break;
		}
		is_first = ends_path(*at);
		*into++ = *at;
	}
	if (told != NULL)
		*into = '\0';
	return told;
}
