/* fetch: one HTTP request, streamed both ways.
 *
 *     fetch [-X METHOD] [-H "Name: value"]… [-d] [-i] URL
 *
 * -d sends stdin as the body, in chunks; -i writes the status and the headers before the body. Exit
 * status: 0 for a status below 400, 22 for others, 1 when there is no answer. */
#include "examples/include/tiphys.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char buffer[64 * 1024];

static int fail(const char *what, uint32_t error)
{
	char sentence[1024];
	uint32_t size = 0;
	if (tiphys_failure(sentence, sizeof sentence, &size) != 0)
		size = 0;
	fprintf(stderr, "fetch: %s: %s: %.*s\n", what, strerror((int)error), (int)size, sentence);
	return 1;
}

static uint32_t send_stdin(uint32_t request)
{
	size_t size;
	uint32_t error = 0;
	while (error == 0 && (size = fread(buffer, 1, sizeof buffer, stdin)) > 0)
		error = tiphys_send(request, buffer, (uint32_t)size);
	return error;
}

static uint32_t show_head(uint32_t request, uint32_t status)
{
	static char headers[64 * 1024];
	uint32_t size, error = tiphys_headers(request, headers, sizeof headers, &size);
	if (error == 0)
		printf("%u\n%.*s\n", status, (int)size, headers);
	return error;
}

static uint32_t show_body(uint32_t request)
{
	uint32_t size, error;
	while ((error = tiphys_receive(request, buffer, sizeof buffer, &size)) == 0 && size > 0)
		fwrite(buffer, 1, size, stdout);
	return error;
}

int main(int argc, char **argv)
{
	static char headers[16 * 1024];
	const char *method = NULL;
	int has_body = 0, has_head = 0, option;
	while ((option = getopt(argc, argv, "X:H:di")) != -1) {
		size_t used = strlen(headers);
		if (option == 'X')
			method = optarg;
		else if (option == 'H')
			snprintf(headers + used, sizeof headers - used, "%s\n", optarg);
		else if (option == 'd')
			has_body = 1;
		else if (option == 'i')
			has_head = 1;
		else
			return 2;
	}
	if (optind + 1 != argc) {
		fputs("usage: fetch [-X METHOD] [-H HEADER]... [-d] [-i] URL\n", stderr);
		return 2;
	}
	if (method == NULL)
		method = has_body ? "POST" : "GET";
	const char *url = argv[optind];
	uint32_t request, status = 0, error;
	error = tiphys_http_open(method, (uint32_t)strlen(method), url, (uint32_t)strlen(url), headers,
	                         (uint32_t)strlen(headers), has_body ? TIPHYS_BODY_STREAMED : 0,
	                         TIPHYS_HTTP_FOLLOW, &request);
	if (error != 0)
		return fail(url, error);
	if (has_body)
		error = send_stdin(request);
	if (error == 0)
		error = tiphys_answer(request, &status);
	if (error == 0 && has_head)
		error = show_head(request, status);
	if (error == 0)
		error = show_body(request);
	if (error != 0)
		return fail(url, error);
	if (tiphys_close(request) != 0 || fflush(stdout) != 0)
		return 1;
	return status < 400 ? 0 : 22;
}
