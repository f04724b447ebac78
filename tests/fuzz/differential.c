#include "tests/fuzz/differential.h"

#include "tests/fuzz/generate.h"
#include "tests/fuzz/harness.h"
#include "tests/fuzz/source.h"
#include "validator/hints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FUEL_PLENTY (UINT64_C(1) << 40)

/* One module, and how it ran plainly: folded, with guard pages. */
struct subject {
	struct bytes bytes;
	const struct module *module;
	struct seen plain;
	struct source s;              /* of the choices */
	enum differential_way chosen; /* and the options of that way */
	struct store_options options;
	uint32_t guest_fuel; /* in all ways */
	char way[100];       /* that is tried, in words */
};

_Noreturn static void give_up(const struct subject *subject, const char *why)
{
	fprintf(stderr, "%s: %s; the module is in generated.wasm\n", subject->way, why);
	FILE *file = fopen("generated.wasm", "wb");
	if (file != NULL) {
		fwrite(subject->bytes.data, 1, subject->bytes.size, file);
		fclose(file);
	}
	abort();
}

_Noreturn static void give_up_for(const struct subject *subject, const struct error *err)
{
	char text[900];
	give_up(subject, error_format(err, text, sizeof text));
}

static void check(const struct subject *subject, bool holds, const char *what)
{
	if (!holds)
		give_up(subject, what);
}

/* The first `count` items of both. */
static void compare(const struct subject *subject, const struct seen *a, const struct seen *b,
                    size_t count)
{
	char text[200];
	for (size_t i = 0; i < count && (i < a->count || i < b->count); i++) {
		uint64_t x = i < a->count ? a->items[i] : 0, y = i < b->count ? b->items[i] : 0;
		if (i < a->count && i < b->count && x == y)
			continue;
		snprintf(text, sizeof text, "item %zu of %zu: 0x%llx instead of 0x%llx of %zu", i, b->count,
		         (unsigned long long)y, (unsigned long long)x, a->count);
		give_up(subject, text);
	}
}

static struct harness_run run_with(const struct subject *subject,
                                   const struct store_options *options)
{
	struct error err = ERROR_INIT;
	struct harness_run run = {
	    .module = subject->module, .options = *options, .guest_fuel = subject->guest_fuel};
	if (!harness_run(&run, &err))
		give_up_for(subject, &err);
	return run;
}

/* The stack is larger than FUEL frames: where it ends may differ between the ways. */
static const struct store_options plain_options = {
    /* Out of reach, too: a collection's time may not decide what there is room for. */
    .memory_limit = UINT64_C(1) << 28,
    .table_limit = 64,
};

static const char *const way_words[] = {
    [WAY_CHECKED] = "run again",
    [WAY_FUEL] = "fuel",
    [WAY_WHOLE_IMAGE] = "from an image of all functions",
    [WAY_GROWN_IMAGE] = "from an image of some functions",
};

/* By the choices, so that each way meets each kind of code. */
static void choose_way(struct subject *subject)
{
	enum { UNFOLDED = 1, CHECKED = 2, COLLECTED = 4, METERED = 8 };
	subject->chosen = (enum differential_way)(source_byte(&subject->s) % WAY_COUNT);
	uint8_t bits = source_byte(&subject->s);
	if (subject->chosen == WAY_CHECKED)
		bits |= CHECKED | COLLECTED;
	if (subject->chosen == WAY_FUEL)
		bits |= METERED;
	subject->options = plain_options;
	subject->options.unfolded = bits & UNFOLDED;
	subject->options.checked_memory = bits & CHECKED;
	subject->options.collect_always = bits & COLLECTED;
	subject->options.fuel = bits & METERED ? FUEL_PLENTY : 0;
	subject->guest_fuel = bits & COLLECTED ? FUEL_COLLECTED : FUEL;
}

static void tell_way(struct subject *subject)
{
	const struct store_options *options = &subject->options;
	snprintf(subject->way, sizeof subject->way, "%s%s%s%s%s", way_words[subject->chosen],
	         options->unfolded ? ", unfolded" : ", folded",
	         options->checked_memory ? ", checked memory" : "",
	         options->collect_always ? ", collected always" : "",
	         options->fuel != 0 ? ", metered" : "");
}

static void check_options(const struct subject *subject, const struct store_options *options)
{
	struct harness_run run = run_with(subject, options);
	compare(subject, &subject->plain, &run.seen, SIZE_MAX);
	seen_clear(&run.seen);
}

/* ---- fuel ---- */

/* A unit is an instruction, however it was lowered (interp.h): so what is used up, and where it
 * ends, is the same folded and unfolded. What was seen until then is what is seen without. */
static void check_fuel(struct subject *subject)
{
	struct harness_run enough = run_with(subject, &subject->options);
	compare(subject, &subject->plain, &enough.seen, SIZE_MAX);
	check(subject, enough.fuel_ended == SIZE_MAX, "out of fuel with plenty of it");
	uint64_t used = FUEL_PLENTY - enough.fuel_left;
	seen_clear(&enough.seen);

	uint8_t choice = source_byte(&subject->s);
	uint64_t fuel = choice == 0 ? used : choice == 1 ? used - 1 : 1 + used * choice / 256;
	snprintf(subject->way, sizeof subject->way, "%llu of the %llu units of fuel that are used",
	         (unsigned long long)fuel, (unsigned long long)used);
	struct harness_run runs[2];
	for (int unfolded = 0; unfolded < 2; unfolded++) {
		struct store_options options = subject->options;
		options.fuel = fuel;
		options.unfolded = unfolded;
		if (fuel == 0)
			return;
		runs[unfolded] = run_with(subject, &options);
		const struct harness_run *run = &runs[unfolded];
		compare(subject, &subject->plain, &run->seen, run->fuel_ended);
		check(subject, (run->fuel_ended == SIZE_MAX) == (fuel >= used),
		      fuel >= used ? "out of fuel with enough of it"
		                   : "more was done than there is fuel for");
		check(subject, run->fuel_left == (fuel >= used ? fuel - used : 0), "fuel is left over");
	}
	compare(subject, &runs[0].seen, &runs[1].seen, SIZE_MAX);
	seen_clear(&runs[0].seen);
	seen_clear(&runs[1].seen);
}

/* ---- images ---- */

static const struct module_options features = {.features = GENERATED_FEATURES};

/* Runs the module from the image; with image_to not negative, another one is written there. Takes
 * the image over. */
static struct seen run_from(struct subject *subject, struct image *image, uint32_t calls,
                            const struct image_source *source, int image_to)
{
	struct error err = ERROR_INIT;
	struct module *again = image == NULL
	                           ? NULL
	                           : module_load_again(subject->bytes.data, subject->bytes.size,
	                                               &features, image_parts(image), &err);
	if (image != NULL && again == NULL)
		give_up_for(subject, &err);
	struct harness_run run = {
	    .module = again != NULL ? again : subject->module,
	    .options = subject->options,
	    .image = image,
	    .calls = calls,
	    .guest_fuel = subject->guest_fuel,
	    .source = image_to < 0 ? NULL : source,
	    .image_to = image_to,
	};
	if (!harness_run(&run, &err))
		give_up_for(subject, &err);
	module_destroy(again);
	image_close(image);
	return run.seen;
}

static void check_whole_image(struct subject *subject)
{
	struct error err = ERROR_INIT;
	struct image *image = image_prepare(subject->module, &subject->options, &err);
	if (image == NULL)
		give_up_for(subject, &err);
	struct seen seen = run_from(subject, image, 0, NULL, -1);
	compare(subject, &subject->plain, &seen, SIZE_MAX);
	seen_clear(&seen);
}

#define GENERATIONS 3

static void check_grown_image(struct subject *subject)
{
	struct error err = ERROR_INIT;
	struct image_source source;
	memset(&source, 0, sizeof source);
	source.features = GENERATED_FEATURES;
	uint8_t choice = source_byte(&subject->s);
	struct image *image = NULL;
	for (int generation = 0; generation < GENERATIONS; generation++) {
		bool is_last = generation == GENERATIONS - 1;
		int fd = is_last ? -1 : memfd_create("image", MFD_CLOEXEC);
		if (!is_last && fd < 0)
			give_up(subject, "cannot make a file in memory");
		/* The second one as many again, or all, which makes a whole image of it. */
		uint32_t calls = is_last ? 0 : 1 + (choice >> (generation * 4) & 15) % 8;
		struct seen seen = run_from(subject, image, calls, &source, fd);
		if (is_last)
			compare(subject, &subject->plain, &seen, SIZE_MAX);
		seen_clear(&seen);
		image = is_last ? NULL : image_open(fd, &source, &err);
		if (!is_last && image == NULL)
			give_up_for(subject, &err);
	}
}

/* ---- the whole ---- */

static void check_unfolded(struct subject *subject)
{
	struct store_options options = plain_options;
	options.unfolded = true;
	snprintf(subject->way, sizeof subject->way, "unfolded");
	check_options(subject, &options);
}

static void check_way(struct subject *subject)
{
	tell_way(subject);
	switch (subject->chosen) {
	case WAY_FUEL:
		check_fuel(subject);
		break;
	case WAY_WHOLE_IMAGE:
		check_whole_image(subject);
		break;
	case WAY_GROWN_IMAGE:
		check_grown_image(subject);
		break;
	default:
		check_options(subject, &subject->options);
		break;
	}
}

void differential_run(const uint8_t *data, size_t size)
{
	size_t choices = size < DIFFERENTIAL_CHOICES ? size : DIFFERENTIAL_CHOICES;
	struct subject subject = {
	    .bytes = generate_module(data + choices, size - choices),
	    .s = {.data = data, .left = choices},
	    .way = "plainly",
	};
	struct error err = ERROR_INIT;
	struct module *module = module_load(subject.bytes.data, subject.bytes.size, &features, &err);
	if (module == NULL)
		give_up_for(&subject, &err);
	subject.module = module;
	if (!branch_hints_check(module, &err))
		give_up_for(&subject, &err);
	choose_way(&subject);
	struct harness_run plain = run_with(&subject, &plain_options);
	subject.plain = plain.seen;

	check_unfolded(&subject);
	check_way(&subject);

	seen_clear(&subject.plain);
	module_destroy(module);
	bytes_free(&subject.bytes);
}
