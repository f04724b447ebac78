#include "plugin/unpack.h"

#include "validator/printable.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#define BLOCK_BYTES (128 * 1024)

static void free_archive(struct archive **archive)
{
	archive_read_free(*archive);
}

static bool unreadable(struct archive *archive, struct error *err)
{
	const char *why = archive_error_string(archive);
	char shown[200];
	return error_set(err, ERROR_NETWORK, "the tar layer cannot be read: %s",
	                 printable_ascii(why != NULL ? why : "unknown", shown, sizeof shown));
}

static bool too_large(struct error *err)
{
	return error_set(
	    err, ERROR_LIMIT,
	    "the tar layer unpacks to too many bytes, more than %d times what a module may "
	    "have (--max-module)",
	    UNPACK_FACTOR);
}

static bool ends_in_wasm(const char *name)
{
	size_t length = strlen(name);
	return length > 5 && strcmp(name + length - 5, ".wasm") == 0;
}

/* The name without its directories; "" when there is none. */
static const char *base_name(struct archive_entry *entry)
{
	const char *name = archive_entry_pathname(entry);
	const char *slash = name != NULL ? strrchr(name, '/') : NULL;
	return name == NULL ? "" : slash != NULL ? slash + 1 : name;
}

/* What stands for the deletion of a lower layer's file (OCI image layer, whiteouts). */
static bool is_whiteout(struct archive_entry *entry)
{
	return strncmp(base_name(entry), ".wh.", 4) == 0;
}

/* ._NAME is where the tar of macOS keeps attributes of NAME. */
static bool is_module(struct archive_entry *entry)
{
	return ends_in_wasm(base_name(entry)) && !is_whiteout(entry) &&
	       strncmp(base_name(entry), "._", 2) != 0 && archive_entry_filetype(entry) == AE_IFREG &&
	       archive_entry_hardlink(entry) == NULL;
}

/* Reads the entry's bytes, also those of no interest: skipping would unpack them uncounted. */
static bool read_entry(struct archive *archive, struct blob_writer *into, uint64_t *budget,
                       struct error *err)
{
	char block[BLOCK_BYTES];
	for (;;) {
		la_ssize_t got = archive_read_data(archive, block, sizeof block);
		if (got == 0)
			return true;
		if (got == ARCHIVE_RETRY)
			continue;
		if (got < 0)
			return unreadable(archive, err);
		if ((uint64_t)got > *budget)
			return too_large(err);
		*budget -= (uint64_t)got;
		if (into != NULL && !blob_writer_add(into, block, (size_t)got, err))
			return false;
	}
}

bool unpack_module(const char *layer_path, struct blob_writer *writer, bool *found,
                   struct error *err)
{
	*found = false;
	__attribute__((cleanup(free_archive))) struct archive *archive = archive_read_new();
	if (archive == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for libarchive");
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_zstd(archive);
	archive_read_support_format_tar(archive);
	archive_read_support_format_empty(archive);
	if (archive_read_open_filename(archive, layer_path, BLOCK_BYTES) != ARCHIVE_OK)
		return unreadable(archive, err);

	uint64_t budget =
	    writer->max > UINT64_MAX / UNPACK_FACTOR ? UINT64_MAX : writer->max * UNPACK_FACTOR;
	bool deletes = false;
	for (;;) {
		struct archive_entry *entry;
		int status = archive_read_next_header(archive, &entry);
		if (status == ARCHIVE_EOF && deletes && !*found)
			return error_set(err, ERROR_UNSUPPORTED,
			                 "an upper tar layer deletes a .wasm file and brings none; push the "
			                 "image anew with its module in one layer");
		if (status == ARCHIVE_EOF)
			return true;
		if (status == ARCHIVE_RETRY)
			continue;
		if (status < ARCHIVE_WARN)
			return unreadable(archive, err);
		/* A header without data costs a block too. */
		if (budget < 512)
			return too_large(err);
		budget -= 512;
		bool wanted = is_module(entry);
		deletes = deletes || (is_whiteout(entry) && ends_in_wasm(base_name(entry)));
		if (wanted && *found)
			return error_set(
			    err, ERROR_UNSUPPORTED,
			    "the tar layer holds more than one .wasm file; a step runs one module");
		*found = *found || wanted;
		if (!read_entry(archive, wanted ? writer : NULL, &budget, err))
			return false;
	}
}
