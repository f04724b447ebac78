/* A program that runs a module by the installed library alone: what the module may do is to write
 * to standard output and to read the arguments. */
#include "wasi/wasi.h"

#include <stdio.h>
#include <stdlib.h>

static uint8_t *read_all(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
		return NULL;
	*size = (size_t)ftell(file);
	rewind(file);
	uint8_t *bytes = malloc(*size + 1);
	if (bytes == NULL || fread(bytes, 1, *size, file) != *size)
		return NULL;
	fclose(file);
	return bytes;
}

/* program FILE [ARGUMENT…] */
int main(int argc, char **argv)
{
	struct error err = ERROR_INIT;
	char text[1024];
	size_t size = 0;
	uint8_t *bytes = argc > 1 ? read_all(argv[1], &size) : NULL;
	struct module *module = bytes != NULL ? module_load(bytes, size, NULL, &err) : NULL;
	if (module == NULL) {
		fprintf(stderr, "%s\n", bytes != NULL ? error_format(&err, text, sizeof text) : "no file");
		return 1;
	}
	struct caps *caps = caps_create();
	for (int i = 1; i < argc; i++)
		caps_grant_arg(caps, argv[i]);
	caps_grant_output_fd(caps, CAPS_STDOUT, 1, CAPS_OUTPUT_UNLIMITED);
	struct wasi *wasi = wasi_create(caps, &err);
	struct store *store = store_create(NULL, &err);
	struct instance *instance = instance_create(store, module, wasi_resolve, wasi, &err);
	struct func *start = instance != NULL ? instance_export_func(instance, "_start") : NULL;
	if (start != NULL)
		func_call(store, start, NULL, NULL, &err);
	int status = err.kind == ERROR_EXIT ? (int)wasi_exit_status(wasi) : start == NULL;
	if (err.kind != ERROR_NONE && err.kind != ERROR_EXIT) {
		fprintf(stderr, "%s\n", error_format(&err, text, sizeof text));
		status = error_exit_status(err.kind);
		trap_report_print(store_trap(store), stderr);
	}
	store_destroy(store);
	wasi_destroy(wasi);
	caps_destroy(caps);
	module_destroy(module);
	free(bytes);
	return status;
}
