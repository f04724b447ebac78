/* plugin/unarchive: what of an archive is written, and where. Archives are made by libarchive's
 * writers, which write down any name and type. */
#include "plugin/unarchive.h"

#include "tests/plugin/folder.h"
#include "tests/plugin/table.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ARCHIVE_ROOM ((size_t)8 << 20)

struct item {
	const char *path;
	mode_t type; /* 0: a file */
	unsigned mode;
	const char *text; /* of a file; the target of a link */
	bool is_hard_link;
	int64_t zeros; /* size of a file of zeros instead */
};

enum form { FORM_TAR, FORM_TGZ, FORM_ZSTD, FORM_ZIP };

struct packed {
	char *bytes;
	size_t size, at, step;
};

static void add_item(struct archive *archive, const struct item *item)
{
	static const char zeros[65536];
	struct archive_entry *entry = archive_entry_new();
	mode_t type = item->type == 0 ? AE_IFREG : item->type;
	const char *text = item->text == NULL ? "" : item->text;
	archive_entry_set_pathname(entry, item->path);
	archive_entry_set_filetype(entry, type);
	archive_entry_set_perm(entry, item->mode == 0 ? 0644 : item->mode);
	archive_entry_set_size(entry, 0);
	if (item->is_hard_link)
		archive_entry_set_hardlink(entry, text);
	else if (type == AE_IFLNK)
		archive_entry_set_symlink(entry, text);
	else if (type == AE_IFREG)
		archive_entry_set_size(entry, item->zeros > 0 ? item->zeros : (int64_t)strlen(text));
	assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
	if (type == AE_IFREG && !item->is_hard_link) {
		for (int64_t left = item->zeros; left > 0; left -= (int64_t)sizeof zeros)
			archive_write_data(archive, zeros,
			                   left < (int64_t)sizeof zeros ? (size_t)left : sizeof zeros);
		if (item->zeros == 0)
			archive_write_data(archive, text, strlen(text));
	}
	archive_entry_free(entry);
}

static struct packed pack(enum form form, const struct item *items, size_t count)
{
	struct packed packed = {.bytes = malloc(ARCHIVE_ROOM), .step = 4097};
	struct archive *archive = archive_write_new();
	assert_non_null(packed.bytes);
	if (form == FORM_ZIP)
		archive_write_set_format_zip(archive);
	else
		archive_write_set_format_pax_restricted(archive);
	if (form == FORM_TGZ)
		archive_write_add_filter_gzip(archive);
	if (form == FORM_ZSTD)
		archive_write_add_filter_zstd(archive);
	assert_int_equal(archive_write_open_memory(archive, packed.bytes, ARCHIVE_ROOM, &packed.size),
	                 ARCHIVE_OK);
	for (size_t i = 0; i < count; i++)
		add_item(archive, &items[i]);
	assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
	archive_write_free(archive);
	return packed;
}

static ssize_t give(void *env, const void **bytes, struct error *err)
{
	struct packed *packed = env;
	(void)err;
	size_t left = packed->size - packed->at;
	size_t size = left < packed->step ? left : packed->step;
	*bytes = packed->bytes + packed->at;
	packed->at += size;
	return (ssize_t)size;
}

/* ---- a folder to unpack into, with something beside it that must stay as it is ---- */

struct site {
	char *base;
	int folder;
};

static int set_up(void **state)
{
	static struct site site;
	if (folder_make(state) != 0)
		return -1;
	site.base = *state;
	char path[300];
	snprintf(path, sizeof path, "%s/in", site.base);
	if (mkdir(path, 0700) != 0)
		return -1;
	site.folder = open(path, O_RDONLY | O_DIRECTORY);
	snprintf(path, sizeof path, "%s/outside", site.base);
	FILE *file = fopen(path, "w");
	if (file == NULL)
		return -1;
	fputs("untouched", file);
	fclose(file);
	*state = &site;
	return 0;
}

static int tear_down(void **state)
{
	struct site *site = *state;
	void *base = site->base;
	close(site->folder);
	return folder_remove(&base);
}

static const char *read_text(int folder, const char *path)
{
	static char text[256];
	int fd = openat(folder, path, O_RDONLY | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	ssize_t got = read(fd, text, sizeof text - 1);
	close(fd);
	text[got < 0 ? 0 : got] = '\0';
	return text;
}

static unsigned mode_of(int folder, const char *path)
{
	struct stat st;
	assert_int_equal(fstatat(folder, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

static bool unpack_within(const struct site *site, enum form form, struct packed *packed,
                          const struct archive_limits *limits, struct error *err)
{
	*err = (struct error)ERROR_INIT;
	if (form != FORM_ZIP) {
		const struct archive_source source = {give, packed};
		return unarchive_tar(&source, site->folder, limits, err);
	}
	FILE *file = tmpfile();
	assert_non_null(file);
	fwrite(packed->bytes, 1, packed->size, file);
	fflush(file);
	bool done = unarchive_zip(fileno(file), site->folder, limits, err);
	fclose(file);
	return done;
}

static bool unpack(const struct site *site, enum form form, const struct item *items, size_t count,
                   struct error *err)
{
	static const struct archive_limits limits = ARCHIVE_LIMITS_DEFAULT;
	struct packed packed = pack(form, items, count);
	bool done = unpack_within(site, form, &packed, &limits, err);
	free(packed.bytes);
	return done;
}

static void assert_untouched(const struct site *site)
{
	char path[300];
	snprintf(path, sizeof path, "%s/outside", site->base);
	assert_string_equal(read_text(AT_FDCWD, path), "untouched");
	assert_int_equal(folder_count(site->base, "."), 2);
}

/* ---- what is meant well ---- */

static void files_folders_and_links_come_through(void **state)
{
	const struct site *site = *state;
	static const struct item items[] = {
	    {.path = "d/", .type = AE_IFDIR, .mode = 0555},
	    {.path = "d/f", .mode = 0640, .text = "one"},
	    {.path = "d/x", .mode = 04755, .text = "two"},
	    {.path = "./d//deep/./er/g", .text = "three"},
	    {.path = "d/l", .type = AE_IFLNK, .text = "deep/../f"},
	    {.path = "d/n\xc3\xa4me", .text = "four"},
	};
	static const enum form forms[] = {FORM_TAR, FORM_TGZ, FORM_ZSTD, FORM_ZIP};
	for (size_t i = 0; i < COUNT(forms); i++) {
		struct error err;
		void *again = (void *)(uintptr_t)site;
		if (!unpack(site, forms[i], items, COUNT(items), &err))
			fail_msg("form %zu: %s", i, err.message);
		assert_string_equal(read_text(site->folder, "d/f"), "one");
		assert_string_equal(read_text(site->folder, "d/deep/er/g"), "three");
		assert_string_equal(read_text(site->folder, "d/n\xc3\xa4me"), "four");
		assert_int_equal(mode_of(site->folder, "d/f"), 0640);
		assert_int_equal(mode_of(site->folder, "d/x"), 0755);
		assert_int_equal(mode_of(site->folder, "d"), 0755);
		char target[32] = "";
		assert_int_equal(readlinkat(site->folder, "d/l", target, sizeof target), 9);
		assert_string_equal(target, "deep/../f");
		assert_int_equal(tear_down(&again), 0);
		again = NULL;
		assert_int_equal(set_up(&again), 0);
	}
}

static void hard_links_share_a_file_of_the_archive(void **state)
{
	const struct site *site = *state;
	static const struct item items[] = {
	    {.path = "a", .text = "shared"},
	    {.path = "d/b", .text = "a", .is_hard_link = true},
	};
	struct error err;
	if (!unpack(site, FORM_TGZ, items, COUNT(items), &err))
		fail_msg("%s", err.message);
	assert_string_equal(read_text(site->folder, "d/b"), "shared");
}

static void of_two_entries_the_later_one_wins(void **state)
{
	const struct site *site = *state;
	static const struct item items[] = {
	    {.path = "a", .text = "first, and longer"},
	    {.path = "l", .type = AE_IFLNK, .text = "a"},
	    {.path = "a", .text = "second"},
	    {.path = "l", .text = "no link any more"},
	};
	struct error err;
	if (!unpack(site, FORM_TAR, items, COUNT(items), &err))
		fail_msg("%s", err.message);
	assert_string_equal(read_text(site->folder, "a"), "second");
	assert_string_equal(read_text(site->folder, "l"), "no link any more");
}

static void a_large_file_comes_through_when_it_may(void **state)
{
	const struct site *site = *state;
	struct archive_limits limits = ARCHIVE_LIMITS_DEFAULT;
	limits.ratio = UINT32_MAX;
	static const struct item items[] = {{.path = "zeros", .zeros = 100 << 20}};
	struct packed packed = pack(FORM_TGZ, items, COUNT(items));
	struct error err;
	assert_true(unpack_within(site, FORM_TGZ, &packed, &limits, &err));
	free(packed.bytes);
	struct stat st;
	assert_int_equal(fstatat(site->folder, "zeros", &st, 0), 0);
	assert_int_equal(st.st_size, 100 << 20);
}

/* ---- what is not ---- */

static void hostile_entries_are_named(void **state)
{
	const struct site *site = *state;
	static const struct {
		struct item items[2];
		const char *words;
	} rows[] = {
	    {{{.path = "../outside", .text = "x"}}, "entry ../outside: its path"},
	    {{{.path = "a/../../outside", .text = "x"}}, "entry a/../../outside: its path"},
	    {{{.path = "/tmp/absolute", .text = "x"}}, "entry /tmp/absolute: its path is absolute"},
	    {{{.path = "l", .type = AE_IFLNK, .text = "/etc/passwd"}}, "leads out, to /etc/passwd"},
	    {{{.path = "l", .type = AE_IFLNK, .text = "../outside"}}, "leads out, to ../outside"},
	    {{{.path = "d/l", .type = AE_IFLNK, .text = "x/../../../outside"}}, "leads out"},
	    {{{.path = "l", .type = AE_IFLNK, .text = "d"}, {.path = "l/f", .text = "x"}},
	     "entry l/f: would be written through a symlink"},
	    {{{.path = "l", .type = AE_IFLNK, .text = "."}, {.path = "l/l/f", .text = "x"}},
	     "entry l/l/f: would be written through a symlink"},
	    {{{.path = "h", .text = "../outside", .is_hard_link = true}}, "hard link that leads out"},
	    {{{.path = "h", .text = "/etc/passwd", .is_hard_link = true}}, "hard link that leads out"},
	    {{{.path = "h", .text = "missing", .is_hard_link = true}}, "no file of the archive"},
	    {{{.path = "l", .type = AE_IFLNK, .text = "x"},
	      {.path = "h", .text = "l", .is_hard_link = true}},
	     "no file of the archive"},
	    {{{.path = "dev", .type = AE_IFCHR}}, "entry dev: is a device"},
	    {{{.path = "dev", .type = AE_IFBLK}}, "entry dev: is a device"},
	    {{{.path = "pipe", .type = AE_IFIFO}}, "entry pipe: is a device, a fifo"},
	    {{{.path = "d", .type = AE_IFDIR}, {.path = "d", .text = "x"}},
	     "a folder and something else"},
	    {{{.path = "f", .text = "x"}, {.path = "f/g", .text = "x"}}, "Not a directory"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error err;
		void *again = (void *)(uintptr_t)site;
		if (unpack(site, FORM_TGZ, rows[i].items, rows[i].items[1].path == NULL ? 1 : 2, &err))
			fail_msg("row %zu was unpacked", i);
		if (strstr(err.message, rows[i].words) == NULL)
			fail_msg("row %zu: %s", i, err.message);
		assert_untouched(site);
		assert_int_equal(tear_down(&again), 0);
		again = NULL;
		assert_int_equal(set_up(&again), 0);
	}
	assert_int_not_equal(access("/tmp/absolute", F_OK), 0);
}

static void ten_thousand_folders_in_each_other(void **state)
{
	const struct site *site = *state;
	size_t size = 2 * 10000;
	char *path = malloc(size + 1);
	for (size_t i = 0; i < size; i += 2)
		memcpy(path + i, "d/", 2);
	path[size] = '\0';
	struct item item = {.path = path, .type = AE_IFDIR};
	struct error err;
	assert_false(unpack(site, FORM_TGZ, &item, 1, &err));
	assert_non_null(strstr(err.message, "too long"));
	path[2 * 300] = '\0';
	assert_false(unpack(site, FORM_TGZ, &item, 1, &err));
	assert_non_null(strstr(err.message, "--max-artifact-depth"));
	free(path);
	assert_untouched(site);
}

static void bombs_are_stopped_early(void **state)
{
	const struct site *site = *state;
	static const struct item zeros[] = {{.path = "zeros", .zeros = (int64_t)1 << 30}};
	static const struct item many[] = {{.path = "1"}, {.path = "2"}, {.path = "3"}, {.path = "4"}};
	struct archive_limits limits = ARCHIVE_LIMITS_DEFAULT;
	struct packed packed = pack(FORM_TGZ, zeros, 1);
	struct error err;
	assert_false(unpack_within(site, FORM_TGZ, &packed, &limits, &err));
	if (strstr(err.message, "--max-artifact-ratio") == NULL)
		fail_msg("%s", err.message);
	struct stat st;
	assert_int_equal(fstatat(site->folder, "zeros", &st, 0), 0);
	assert_true(st.st_size < (off_t)ARCHIVE_RATIO_GRACE + (8 << 20));

	packed.at = 0;
	limits.bytes = 1 << 20;
	assert_false(unpack_within(site, FORM_TGZ, &packed, &limits, &err));
	if (strstr(err.message, "more than 1048576 bytes (--max-artifact); stopped at zeros") == NULL)
		fail_msg("%s", err.message);
	free(packed.bytes);

	packed = pack(FORM_TAR, many, COUNT(many));
	limits.files = 3;
	assert_false(unpack_within(site, FORM_TAR, &packed, &limits, &err));
	assert_non_null(strstr(err.message, "more than 3 entries (--max-artifact-files)"));
	free(packed.bytes);
}

static void damage_is_told(void **state)
{
	const struct site *site = *state;
	static const struct item items[] = {{.path = "a", .zeros = 100000}, {.path = "b", .text = "x"}};
	static const enum form forms[] = {FORM_TAR, FORM_TGZ, FORM_ZSTD, FORM_ZIP};
	static const struct archive_limits limits = ARCHIVE_LIMITS_DEFAULT;
	for (size_t i = 0; i < COUNT(forms); i++) {
		struct packed packed = pack(forms[i], items, COUNT(items));
		struct error err;
		packed.size = packed.size / 2;
		assert_false(unpack_within(site, forms[i], &packed, &limits, &err));
		if (strstr(err.message, "damaged or cut short") == NULL)
			fail_msg("form %zu: %s", i, err.message);
		free(packed.bytes);
	}
}

static void what_is_no_archive_is_no_tgz(void **state)
{
	(void)state;
	static const struct item items[] = {{.path = "a", .text = "x"}};
	struct packed tgz = pack(FORM_TGZ, items, 1), tar = pack(FORM_TAR, items, 1),
	              zip = pack(FORM_ZIP, items, 1);
	assert_true(unarchive_is_tgz(tgz.bytes, tgz.size));
	assert_false(unarchive_is_tgz(tar.bytes, tar.size));
	assert_false(unarchive_is_tgz(zip.bytes, zip.size));
	assert_false(unarchive_is_tgz("", 0));
	assert_false(unarchive_is_tgz("\x1f\x8b\x08\x00 and no more", 16));
	/* gzip of "hello\n" */
	static const char hello[] =
	    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcbH\xcd\xc9\xc9\xe7\x02\x00"
	    " 0:6\x06\x00\x00\x00";
	assert_false(unarchive_is_tgz(hello, sizeof hello - 1));
	free(tgz.bytes);
	free(tar.bytes);
	free(zip.bytes);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8"); /* for libarchive's writers */
	const struct CMUnitTest tests[] = {
	    CASE(files_folders_and_links_come_through),
	    CASE(hard_links_share_a_file_of_the_archive),
	    CASE(of_two_entries_the_later_one_wins),
	    CASE(a_large_file_comes_through_when_it_may),
	    CASE(hostile_entries_are_named),
	    CASE(ten_thousand_folders_in_each_other),
	    CASE(bombs_are_stopped_early),
	    CASE(damage_is_told),
	    CASE(what_is_no_archive_is_no_tgz),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
