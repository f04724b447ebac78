/* Text byte by byte: JSON tokenised by recursive descent, and words searched for in it. As a step
 * (COUNT_ONLY) it reads the text once and prints what it holds. */
#include "bench/kernels/random.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 1 << 19, ITEMS = 3000, PASSES = 40 };

static char text[TEXT_MAX];
static size_t length;

struct counts {
	uint32_t objects, arrays, strings, numbers, literals, hash;
};

static void put(const char *word)
{
	size_t size = strlen(word);
	memcpy(text + length, word, size);
	length += size;
}

static void put_number(uint32_t number)
{
	char digits[10];
	int count = 0;
	do
		digits[count++] = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	while (count > 0)
		text[length++] = digits[--count];
}

/* A list of records, as a step would be given. */
static void write_records(void)
{
	static const char *const names[] = {"anchor", "bow \\\"spirit\\\"", "compass", "deck",
	                                    "ensign"};
	uint32_t state = 8;
	put("[");
	for (int i = 0; i < ITEMS; i++) {
		put(i > 0 ? ",\n  {\"id\": " : "\n  {\"id\": ");
		put_number((uint32_t)i);
		put(", \"name\": \"");
		put(names[random_next(&state) % 5]);
		put("\", \"depth\": -");
		put_number(random_next(&state) % 10000);
		put(".");
		put_number(random_next(&state) % 1000);
		put("e-2, \"tags\": [\"sea\", \"\\u00e9t\\u00e9\", null], \"open\": ");
		put(random_next(&state) & 1 ? "true" : "false");
		put(", \"at\": {\"x\": ");
		put_number(random_next(&state) % 100);
		put(", \"y\": ");
		put_number(random_next(&state) % 100);
		put("}}");
	}
	put("\n]\n");
}

static const char *skip_space(const char *at)
{
	while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')
		at++;
	return at;
}

static const char *read_string(const char *at, struct counts *counts)
{
	uint32_t hash = 2166136261;
	for (at++; *at != '"'; at++) {
		if (*at == '\\')
			at++;
		hash = (hash ^ (uint8_t)*at) * 16777619;
	}
	counts->strings++;
	counts->hash += hash;
	return at + 1;
}

static const char *read_digits(const char *at, uint32_t *value)
{
	for (; *at >= '0' && *at <= '9'; at++)
		*value = *value * 10 + (uint32_t)(*at - '0');
	return at;
}

static const char *read_number(const char *at, struct counts *counts)
{
	uint32_t value = 0;
	if (*at == '-')
		at++;
	at = read_digits(at, &value);
	if (*at == '.')
		at = read_digits(at + 1, &value);
	if (*at == 'e' || *at == 'E') {
		at++;
		if (*at == '-' || *at == '+')
			at++;
		at = read_digits(at, &value);
	}
	counts->numbers++;
	counts->hash = counts->hash * 31 + value;
	return at;
}

/* Gives where the value ends; the text is well formed. */
static const char *read_value(const char *at, struct counts *counts)
{
	at = skip_space(at);
	switch (*at) {
	case '{':
	case '[': {
		char close = *at == '{' ? '}' : ']';
		close == '}' ? counts->objects++ : counts->arrays++;
		at = skip_space(at + 1);
		while (*at != close) {
			if (close == '}') {
				at = skip_space(read_string(skip_space(at), counts));
				at++; /* the colon */
			}
			at = skip_space(read_value(at, counts));
			if (*at == ',')
				at++;
		}
		return at + 1;
	}
	case '"':
		return read_string(at, counts);
	case 't':
	case 'n':
		counts->literals++;
		return at + 4;
	case 'f':
		counts->literals++;
		return at + 5;
	default:
		return read_number(at, counts);
	}
}

#ifdef COUNT_ONLY
int main(void)
{
	struct counts counts = {0};
	write_records();
	read_value(text, &counts);
	printf("json %u %u %u %u %u\n", (unsigned)counts.objects, (unsigned)counts.arrays,
	       (unsigned)counts.strings, (unsigned)counts.numbers, (unsigned)counts.literals);
	return 0;
}
#else
/* Horspool's search: how often the word stands in the text. */
static uint32_t count_word(const char *word)
{
	size_t size = strlen(word), skip[256];
	uint32_t found = 0;
	for (int i = 0; i < 256; i++)
		skip[i] = size;
	for (size_t i = 0; i + 1 < size; i++)
		skip[(uint8_t)word[i]] = size - 1 - i;
	for (size_t at = 0; at + size <= length; at += skip[(uint8_t)text[at + size - 1]])
		found += memcmp(text + at, word, size) == 0;
	return found;
}

int main(void)
{
	struct counts counts = {0};
	uint32_t words = 0;
	write_records();
	for (int pass = 0; pass < PASSES; pass++) {
		read_value(text, &counts);
		words += count_word("compass") + count_word("\"open\": true") + count_word("sextant");
	}
	printf("json %u %u %u %u %u %08x %u\n", (unsigned)counts.objects, (unsigned)counts.arrays,
	       (unsigned)counts.strings, (unsigned)counts.numbers, (unsigned)counts.literals,
	       (unsigned)counts.hash, (unsigned)words);
	return 0;
}
#endif
