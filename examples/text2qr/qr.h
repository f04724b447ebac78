/* QR codes, model 2 (ISO/IEC 18004): versions 1 to 40, all four levels of error correction. */
#ifndef EXAMPLES_QR_H
#define EXAMPLES_QR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define QR_VERSION_MAX 40
#define QR_SIZE_MAX (17 + 4 * QR_VERSION_MAX)

/* How much of the code may be damaged: about 7, 15, 25 and 30 %. */
enum qr_level { QR_LOW, QR_MEDIUM, QR_QUARTILE, QR_HIGH };

struct qr {
	int version;
	int size;                               /* modules on a side */
	uint8_t dark[QR_SIZE_MAX][QR_SIZE_MAX]; /* [y][x]: 1 dark, 0 light */
};

/* "L", "M", "Q" or "H" in either case. */
bool qr_level_from_text(const char *text, enum qr_level *level);

/* Encodes the text in the smallest version that holds it: digits and the alphanumeric set in their
 * dense modes, anything else as bytes (marked as UTF-8 unless it is ASCII). False when it is too
 * long. */
bool qr_encode(struct qr *qr, const char *text, size_t len, enum qr_level level);

/* Draws with half blocks, two rows of modules in a line, light modules in the terminal's foreground
 * (for the usual bright text on dark ground; is_inverted for the other way), with the quiet zone of
 * four modules that readers want. */
void qr_draw(const struct qr *qr, bool is_inverted, FILE *out);

#endif
