/* QR codes, read back by a decoder that is none of ours: zbarimg (Debian: zbar-tools), from a
 * picture of what qr_draw() prints. */
#include "examples/text2qr/qr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct qr qr;

/* Turns half blocks into a grey picture, four pixels a module, as a camera would see bright blocks
 * on a dark terminal. */
static void write_picture(const char *path, const char *drawing)
{
	enum { SCALE = 4, QUIET = 4 };
	int size = qr.size + 2 * QUIET;
	uint8_t *rows = calloc((size_t)(size + 1) * (size_t)size, 1);
	int x = 0, y = 0;
	for (const char *at = drawing; *at;) {
		static const char *const blocks[] = {" ", "\u2584", "\u2580", "\u2588"};
		if (*at == '\n') {
			assert_int_equal(x, size);
			x = 0;
			y += 2;
			at++;
			continue;
		}
		unsigned kind = 0;
		while (kind < 4 && strncmp(at, blocks[kind], strlen(blocks[kind])) != 0)
			kind++;
		assert_in_range(kind, 0, 3);
		rows[y * size + x] = kind & 2 ? 255 : 0;
		rows[(y + 1) * size + x] = kind & 1 ? 255 : 0;
		at += strlen(blocks[kind]);
		x++;
	}
	assert_int_equal(y, size + 1);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	fprintf(file, "P5\n%d %d\n255\n", size * SCALE, size * SCALE);
	for (int i = 0; i < size * SCALE; i++) {
		for (int j = 0; j < size * SCALE; j++)
			fputc(rows[i / SCALE * size + j / SCALE], file);
	}
	assert_int_equal(fclose(file), 0);
	free(rows);
}

/* Checks that zbarimg reads `text` from the code in qr. */
static void check_decoded(const char *text, size_t len)
{
	char path[] = "/tmp/tiphys-qr-XXXXXX", command[128];
	char *drawing;
	size_t drawing_size;
	FILE *out = open_memstream(&drawing, &drawing_size);
	qr_draw(&qr, false, out);
	fclose(out);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	write_picture(path, drawing);
	free(drawing);

	static char got[1 << 14];
	snprintf(command, sizeof command, "zbarimg --quiet --raw --nodbus -Sdisable -Sqrcode.enable %s",
	         path);
	FILE *decoder = popen(command, "r");
	assert_non_null(decoder);
	size_t size = fread(got, 1, sizeof got, decoder);
	int status = pclose(decoder);
	unlink(path);
	if (status != 0)
		fail_msg("version %d: zbarimg reads nothing (status %d)", qr.version, WEXITSTATUS(status));
	assert_int_equal(size, len + 1); /* it adds a newline */
	assert_memory_equal(got, text, len);
}

static void check_text(const char *text, size_t len, enum qr_level level)
{
	assert_true(qr_encode(&qr, text, len, level));
	check_decoded(text, len);
}

static void test_texts(void **state)
{
	static const char *const texts[] = {
	    "A",
	    "hello world",
	    "HELLO WORLD $%*+-./:",
	    "0",
	    "12",
	    "0123456789012345678901234567890123456789",
	    "https://example.org/a?b=c&d=%20#e",
	    "Grüße aus Köln – 価格は¥500、Ωmega, emoji 🦀🚢",
	    "line one\nline two\ttab \"quoted\" \\ {json: [1, 2]}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		for (enum qr_level level = QR_LOW; level <= QR_HIGH; level++)
			check_text(texts[i], strlen(texts[i]), level);
	}
}

static void fill(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		text[i] = (char)('!' + (i * 7 + i / 13) % 94);
}

/* The longest text of every version from `first` to `last`, at every level: each row of the tables.
 */
static void check_versions(int first, int last)
{
	static char text[3000];
	fill(text, sizeof text);
	for (enum qr_level level = QR_LOW; level <= QR_HIGH; level++) {
		for (int version = first; version <= last; version++) {
			size_t len = 1, too_long = sizeof text;
			while (too_long - len > 1) {
				size_t middle = (len + too_long) / 2;
				bool fits = qr_encode(&qr, text, middle, level) && qr.version <= version;
				*(fits ? &len : &too_long) = middle;
			}
			assert_true(qr_encode(&qr, text, len, level));
			assert_int_equal(qr.version, version);
			assert_int_equal(qr.size, 17 + 4 * version);
			check_decoded(text, len);
		}
	}
}

static void test_versions_1_to_20(void **state)
{
	(void)state;
	check_versions(1, 20);
}

static void test_versions_21_to_40(void **state)
{
	(void)state;
	check_versions(21, 40);
}

/* What the standard's table 7 says a version 40 code holds. */
static void test_capacity(void **state)
{
	static const struct {
		char c;
		size_t most[4];
	} rows[] = {{'7', {7089, 5596, 3993, 3057}},
	            {'Z', {4296, 3391, 2420, 1852}},
	            {'z', {2953, 2331, 1663, 1273}}};
	static char text[8000];
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		memset(text, rows[i].c, sizeof text);
		for (enum qr_level level = QR_LOW; level <= QR_HIGH; level++) {
			assert_true(qr_encode(&qr, text, rows[i].most[level], level));
			assert_int_equal(qr.version, 40);
			assert_false(qr_encode(&qr, text, rows[i].most[level] + 1, level));
		}
	}
}

/* Error correction is there to correct: level H is read with a corner of the data area painted
 * over. */
static void test_damage_is_corrected(void **state)
{
	static const char text[] = "a text that survives a stain in the middle of its code";
	(void)state;
	assert_true(qr_encode(&qr, text, strlen(text), QR_HIGH));
	for (int y = qr.size / 2 - 3; y < qr.size / 2 + 4; y++) {
		for (int x = qr.size / 2 - 3; x < qr.size / 2 + 4; x++)
			qr.dark[y][x] = 1;
	}
	check_decoded(text, strlen(text));
}

static void test_inverted_drawing(void **state)
{
	char *drawings[2];
	(void)state;
	assert_true(qr_encode(&qr, "x", 1, QR_LOW));
	for (int i = 0; i < 2; i++) {
		size_t size;
		FILE *out = open_memstream(&drawings[i], &size);
		qr_draw(&qr, i, out);
		fclose(out);
	}
	/* The quiet zone: bright blocks on dark ground, nothing on bright ground. */
	assert_memory_equal(drawings[0], "\u2588\u2588\u2588\u2588", 12);
	assert_memory_equal(drawings[1], "    ", 4);
	free(drawings[0]);
	free(drawings[1]);
}

static void test_levels(void **state)
{
	enum qr_level level;
	(void)state;
	assert_true(qr_level_from_text("q", &level));
	assert_int_equal(level, QR_QUARTILE);
	assert_true(qr_level_from_text("L", &level));
	assert_int_equal(level, QR_LOW);
	assert_false(qr_level_from_text("", &level));
	assert_false(qr_level_from_text("LM", &level));
	assert_false(qr_level_from_text("x", &level));
}

/* What is drawn is read back: `test read`, a program of its own so that it can be skipped whole. A
 * single case cannot: cmocka 1.1.5 writes it as "not ok", which is a failure. */
static int read_back(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_versions_1_to_20),
	    cmocka_unit_test(test_versions_21_to_40),
	    cmocka_unit_test(test_damage_is_corrected),
	};
	if (system("command -v zbarimg >/dev/null") != 0) {
		printf("1..0 # SKIP zbarimg is not installed (zbar-tools): no code is read back\n");
		return 0;
	}
	return cmocka_run_group_tests_name("qr, read", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_capacity),
	    cmocka_unit_test(test_inverted_drawing),
	    cmocka_unit_test(test_levels),
	};
	if (argc > 1 && strcmp(argv[1], "read") == 0)
		return read_back();
	return cmocka_run_group_tests_name("qr", tests, NULL, NULL);
}
