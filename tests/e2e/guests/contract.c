/* A module of the earlier plugin's contract. Its plugin option "do" says what it writes to
 * /work/result.json; the default is input.json, escaped, as output parameter "input". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char input[1 << 20];

static size_t read_file(const char *path, char *into, size_t size)
{
	FILE *file = fopen(path, "r");
	if (file == NULL) {
		perror(path);
		exit(2);
	}
	size_t got = fread(into, 1, size - 1, file);
	fclose(file);
	return got;
}

static void put_escaped(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if (*text == '\n')
			fputs("\\n", out);
		else
			fputc(*text, out);
	}
}

static void put(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");
	if (out == NULL) {
		perror(path);
		exit(2);
	}
	fputs(text, out);
	fclose(out);
}

static void result(const char *text)
{
	FILE *out = fopen("/work/result.json", "w");
	fputs(text, out);
	fclose(out);
}

static void succeed_with(const char *name, const char *text)
{
	FILE *out = fopen("/work/result.json", "w");
	fprintf(out,
	        "{\"phase\":\"Succeeded\",\"message\":\"done\",\"outputs\":{\"artifacts\":[],"
	        "\"parameters\":[{\"name\":\"%s\",\"value\":\"",
	        name);
	put_escaped(out, text);
	fputs("\"}]}}", out);
	fclose(out);
}

/* True when input.json holds {"name":"do","value":WHAT}. */
static int asked_for(const char *what)
{
	char wanted[100];
	snprintf(wanted, sizeof wanted, "{\"name\":\"do\",\"value\":\"%s\"}", what);
	return strstr(input, wanted) != NULL;
}

int main(int argc, char **argv)
{
	(void)argv;
	input[read_file("/work/input.json", input, sizeof input)] = '\0';
	if (argc != 1)
		return 9;
	if (asked_for("fail"))
		result(
		    "{\"phase\":\"Failed\",\"message\":\"the text is empty\",\"outputs\":{\"artifacts\":[],"
		    "\"parameters\":[]}}");
	else if (asked_for("nothing"))
		fputs("forgot to write\n", stderr);
	else if (asked_for("garbage"))
		result("{\"phase\":");
	else if (asked_for("object"))
		result("{\"phase\":\"Succeeded\",\"outputs\":{\"parameters\":[{\"name\":\"x\",\"value\":{}}"
		       "]}}");
	else if (asked_for("number"))
		result("{\"phase\":\"Succeeded\",\"outputs\":{\"parameters\":[{\"name\":\"x\",\"value\":42}"
		       "]}}");
	else if (asked_for("exit"))
		return fputs("it broke\n", stderr), 5;
	else if (asked_for("trap"))
		__builtin_trap();
	else if (asked_for("artifact")) {
		static char artifact[1000];
		artifact[read_file("/work/artifacts-in/in/deep/a.txt", artifact, sizeof artifact)] = '\0';
		succeed_with("text", artifact);
	} else if (asked_for("store")) {
		mkdir("/work/artifacts-out/extra", 0777);
		put("/work/artifacts-out/data/file.txt", "stored by a module\n");
		put("/work/artifacts-out/extra/file.txt", "named by result.json alone\n");
		result("{\"phase\":\"Succeeded\",\"outputs\":{\"artifacts\":[{\"name\":\"data\",\"path\":"
		       "\"/data/file.txt\"},{\"name\":\"extra\",\"path\":\"/extra/file.txt\"}]}}");
	} else
		succeed_with("input", input);
	return 0;
}
