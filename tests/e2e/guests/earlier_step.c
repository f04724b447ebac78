/* A step as modules of earlier Wasm plugins are written: it finds /work/input.json, sends a request
 * by their import module to the URL of plugin option "url", puts what came and what is in its input
 * artifact into its output artifact, and writes /work/result.json. */
#include "tests/e2e/guests/earlier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char input[1 << 16], text[1 << 16];

static size_t read_file(const char *path, char *into, size_t size)
{
	FILE *file = fopen(path, "r");
	if (file == NULL) {
		perror(path);
		exit(1);
	}
	size_t got = fread(into, 1, size - 1, file);
	into[got] = '\0';
	fclose(file);
	return got;
}

static FILE *create(const char *path)
{
	FILE *file = fopen(path, "w");
	if (file == NULL) {
		perror(path);
		exit(1);
	}
	return file;
}

/* The value of a plugin option, which must be a string without escapes. */
static const char *option(const char *name)
{
	static char value[512];
	char start[64];
	snprintf(start, sizeof start, "{\"name\":\"%s\",\"value\":\"", name);
	const char *at = strstr(input, start);
	if (at == NULL)
		exit(3);
	at += strlen(start);
	snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\""), at);
	return value;
}

int main(void)
{
	static const char headers[] = "Accept:text/plain\nX-From:a step\n";
	uint16_t status = 0;
	uint32_t handle, size;
	read_file("/work/input.json", input, sizeof input);
	const char *url = option("url");
	uint32_t error =
	    req(url, strlen(url), "GET", 3, headers, sizeof headers - 1, "", 0, &status, &handle);
	FILE *result = create("/work/result.json");
	if (error != 0) {
		fprintf(result, "{\"phase\":\"Failed\",\"message\":\"req: error %u\"}", error);
		return fclose(result);
	}
	FILE *out = create("/work/artifacts-out/cargo/both.txt");
	while ((error = body_read(handle, text, sizeof text, &size)) == 0 && size > 0)
		fwrite(text, 1, size, out);
	close_handle(handle);
	fwrite(text, 1, read_file("/work/artifacts-in/cargo/note.txt", text, sizeof text), out);
	fclose(out);
	fprintf(
	    result,
	    "{\"phase\":\"Succeeded\",\"message\":\"asked\",\"outputs\":{\"artifacts\":[{\"name\":"
	    "\"both\","
	    "\"path\":\"/cargo/both.txt\"}],\"parameters\":[{\"name\":\"status\",\"value\":\"%u\"}]}}",
	    status);
	return fclose(result);
}
