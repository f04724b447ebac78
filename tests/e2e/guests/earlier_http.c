/* A guest for the HTTP interface of earlier Wasm plugins.
 *
 *     earlier_http METHOD URL [HEADER [BODY]]
 *     earlier_http handles URL     opens until it is refused
 *     earlier_http misuse URL      calls that are wrong
 *     earlier_http twice URL       asks, says so, and asks again at the end of its input */
#include "tests/e2e/guests/earlier.h"

#include <stdio.h>
#include <string.h>

static char buffer[4096];

static uint32_t ask(const char *method, const char *url, const char *headers, const char *body,
                    uint16_t *status, uint32_t *handle)
{
	return req(url, strlen(url), method, strlen(method), headers, strlen(headers), body,
	           strlen(body), status, handle);
}

static int show(uint32_t handle, uint16_t status)
{
	uint32_t size, error;
	printf("status %u\n", status);
	if (header_get(handle, "X-MIXED-case", 12, buffer, sizeof buffer, &size) == 0)
		printf("x-mixed-case: %.*s\n", (int)size, buffer);
	if (headers_get_all(handle, buffer, sizeof buffer, &size) == 0)
		printf("%.*s", (int)size, buffer);
	printf("body: ");
	while ((error = body_read(handle, buffer, sizeof buffer, &size)) == 0 && size > 0)
		fwrite(buffer, 1, size, stdout);
	return error != 0 || close_handle(handle) != 0;
}

static int open_all(const char *url)
{
	uint16_t status;
	uint32_t handle = 0, error, count = 0;
	while ((error = ask("GET", url, "", "", &status, &handle)) == 0 && count < 100)
		count++;
	printf("open %u, then error %u\n", count, error);
	close_handle(handle);
	if (ask("GET", url, "", "", &status, &handle) == 0)
		printf("after close: open\n");
	return 0;
}

static int misuse(const char *url)
{
	uint16_t status;
	uint32_t handle = 0, size;
	printf("close 99: %u\n", close_handle(99));
	if (ask("GET", url, "", "", &status, &handle) != 0)
		return 1;
	printf("no such header: %u\n", header_get(handle, "nope", 4, buffer, sizeof buffer, &size));
	printf("small buffer: %u\n", headers_get_all(handle, buffer, 3, &size));
	printf("wild pointer: %u\n", body_read(handle, (char *)0x7fffff00, 4096, &size));
	printf("bad text: %u\n", req("http://\xff", 8, "GET", 3, "", 0, "", 0, &status, &handle));
	close_handle(handle);
	printf("closed twice: %u\n", close_handle(handle));
	return 0;
}

static int twice(const char *url)
{
	uint16_t status;
	uint32_t handle = 0, size;
	printf("first: %u\n", ask("GET", url, "", "", &status, &handle));
	fflush(stdout);
	while (getchar() != EOF)
		;
	printf("body: %u\n", body_read(handle, buffer, sizeof buffer, &size));
	printf("again: %u\n", ask("GET", url, "", "", &status, &handle));
	return 0;
}

int main(int argc, char **argv)
{
	char headers[256] = "";
	uint16_t status = 0;
	uint32_t handle = 0;
	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "handles") == 0)
		return open_all(argv[2]);
	if (strcmp(argv[1], "misuse") == 0)
		return misuse(argv[2]);
	if (strcmp(argv[1], "twice") == 0)
		return twice(argv[2]);
	if (argc > 3)
		snprintf(headers, sizeof headers, "%s\n", argv[3]);
	uint32_t error = ask(argv[1], argv[2], headers, argc > 4 ? argv[4] : "", &status, &handle);
	if (error != 0) {
		printf("error %u\n", error);
		return 1;
	}
	return show(handle, status);
}
