/* token_server FILE AUTHORIZATION: answers GET /token with the bytes of FILE, read anew each time,
 * when the request's Authorization is the given one, else with 401. Says host:port on stdout. */
#include "tests/plugin/server.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct tokens {
	const char *file, *authorization;
	char reply[16384];
};

static void handle(void *env, const struct server_request *request, struct server_reply *reply)
{
	struct tokens *tokens = env;
	if (strcmp(request->path, "/token") != 0)
		return;
	fprintf(stderr, "%s\n", request->query);
	if (strcmp(request->authorization, tokens->authorization) != 0) {
		static const char words[] = "{\"details\":\"incorrect username or password\"}";
		*reply = (struct server_reply){.status = 401, .body = words, .size = sizeof words - 1};
		return;
	}
	FILE *file = fopen(tokens->file, "r");
	size_t size = file != NULL ? fread(tokens->reply, 1, sizeof tokens->reply, file) : 0;
	if (file != NULL)
		fclose(file);
	*reply = (struct server_reply){.status = 200, .body = tokens->reply, .size = size};
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	static struct tokens tokens;
	tokens.file = argv[1];
	tokens.authorization = argv[2];
	struct server *server = server_start(handle, &tokens);
	puts(server_host(server));
	fflush(stdout);
	for (;;)
		pause();
}
