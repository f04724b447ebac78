/* text2qr: a text as a QR code in Unicode.
 *
 * As a command: text2qr [-l L|M|Q|H] [-i] [TEXT], or the text on stdin. As a step: parameter
 * `text`, option `level`; the code is the output parameter `qr`. */
#include "examples/common/step.h"
#include "examples/text2qr/qr.h"

#include <stdlib.h>
#include <string.h>

/* No code holds more; one byte more shows that there was more. */
enum { TEXT_BYTES_MAX = 7089 + 1 };

static struct qr qr;

static int complain(const char *what)
{
	fprintf(stderr, "text2qr: %s\n", what);
	return 1;
}

static const char too_long[] =
    "the text is too long for a QR code; shorten it, or take a lower level (L holds 2953 bytes)";
static const char bad_level[] = "the level is one of L, M, Q, H";

static bool run_step(struct step *step)
{
	size_t len, size;
	char *drawing;
	enum qr_level level = QR_MEDIUM;
	if (!step_open(step, STEP_FOLDER))
		return false;
	const char *text = step_parameter(step, "text", &len);
	const char *wanted = step_option(step, "level", NULL);
	const char *why = !text ? "the parameter \"text\" is missing"
	                  : wanted && !qr_level_from_text(wanted, &level) ? bad_level
	                  : !qr_encode(&qr, text, len, level)             ? too_long
	                                                                  : NULL;
	FILE *out = why ? NULL : open_memstream(&drawing, &size);
	if (!why && !out)
		why = "out of memory";
	if (why) {
		snprintf(step->why, sizeof step->why, "%s", why);
		return false;
	}
	qr_draw(&qr, false, out);
	fclose(out);
	char message[80];
	snprintf(message, sizeof message, "version %d, %d modules on a side", qr.version, qr.size);
	bool is_written = step_succeed(step, message, "qr", drawing, size);
	free(drawing);
	return is_written;
}

static int run_as_step(void)
{
	static struct step step;
	bool is_done = run_step(&step);
	if (!is_done) {
		complain(step.why);
		/* The step has failed; the run has not, when it could say so. */
		is_done = step_fail(&step);
	}
	step_close(&step);
	return is_done ? 0 : 1;
}

static int run_command(const char *text, enum qr_level level, bool is_inverted)
{
	static char input[TEXT_BYTES_MAX];
	size_t len = text ? strlen(text) : fread(input, 1, sizeof input, stdin);
	if (!text) {
		if (ferror(stdin))
			return complain("neither a TEXT is given nor can standard input be read");
		text = input;
		while (len > 0 && (input[len - 1] == '\n' || input[len - 1] == '\r'))
			len--;
	}
	if (!qr_encode(&qr, text, len, level))
		return complain(too_long);
	qr_draw(&qr, is_inverted, stdout);
	return fflush(stdout) == 0 ? 0 : complain("the output cannot be written");
}

int main(int argc, char **argv)
{
	static const char usage[] = "usage: text2qr [-l L|M|Q|H] [-i] [TEXT]";
	enum qr_level level = QR_MEDIUM;
	bool is_inverted = false;
	const char *text = NULL;
	if (argc <= 1 && step_is_here(STEP_FOLDER))
		return run_as_step();
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-i") == 0)
			is_inverted = true;
		else if (strcmp(argv[i], "-l") == 0 && i + 1 < argc) {
			if (!qr_level_from_text(argv[++i], &level))
				return complain(bad_level);
		} else if (argv[i][0] == '-' && argv[i][1]) {
			return complain(usage);
		} else if (text) {
			return complain(usage);
		} else {
			text = argv[i];
		}
	}
	return run_command(text, level, is_inverted);
}
