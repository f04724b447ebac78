/* Images written (image.h). */
#include "interp/image_format.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What is to be written, with the parts that stand nowhere in one piece. */
struct draft {
	int fd;
	const struct module *module;
	const struct code *code; /* NULL: nothing was lowered */
	struct image_header header;
	uint32_t own; /* functions */
	uint32_t *order;
	uint32_t *entries; /* in that order, when not complete */
	struct image_try *tries;
	struct try_range *ranges;
	struct try_clause *clauses;
};

static const struct code *code_of(const struct store *store, const struct module *module)
{
	for (const struct code *code = store->codes; code != NULL; code = code->next)
		if (code->module == module)
			return code;
	return NULL;
}

/* More cells than this, and a quarter more than are in the image, make another image worth its
 * while. */
#define CELLS_WORTH_AN_IMAGE 4096

bool image_is_wanted(const struct store *store, const struct module *module)
{
	const struct code *code = code_of(store, module);
	if (store->image == NULL || store->image_module != module)
		return true;
	/* Its cells were of no use here: address space is short. */
	if (code != NULL && code->image == NULL)
		return false;
	uint64_t had = store->image->header.sections[IMAGE_CELLS].count;
	uint64_t has = code == NULL ? had : code->count;
	return has - had > CELLS_WORTH_AN_IMAGE && has - had > had / 4;
}

static bool write_at(const struct draft *draft, const void *bytes, uint64_t size, uint64_t offset,
                     struct error *err)
{
	const uint8_t *from = bytes;
	while (size > 0) {
		ssize_t wrote = pwrite(draft->fd, from, size, (off_t)offset);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return error_set_errno(err, wrote < 0 ? errno : ENOSPC, "cannot write the image");
		from += wrote;
		offset += (uint64_t)wrote;
		size -= (uint64_t)wrote;
	}
	return true;
}

/* The image that this code starts from holds the first ones. */
static bool gather_order(struct draft *draft, struct error *err)
{
	const struct code *code = draft->code;
	const struct image *image = code == NULL ? NULL : code->image;
	uint64_t had = image == NULL ? 0 : image->header.sections[IMAGE_ORDER].count;
	uint64_t more = code == NULL ? 0 : code->order_count;
	draft->order = mem_zeroed(had + more + 1, sizeof *draft->order);
	if (draft->order == NULL)
		return error_set(err, ERROR_NO_MEMORY, "out of memory");
	if (had > 0)
		memcpy(draft->order, image_section(image, IMAGE_ORDER), had * sizeof *draft->order);
	if (more > 0)
		memcpy(draft->order + had, code->order, more * sizeof *draft->order);
	draft->header.sections[IMAGE_ORDER].count = had + more;
	draft->header.sections[IMAGE_ENTRIES].count = had + more;
	return true;
}

static bool gather_entries(struct draft *draft, struct error *err)
{
	uint64_t count = draft->header.sections[IMAGE_ORDER].count;
	draft->entries = mem_alloc((count + 1) * sizeof *draft->entries);
	if (draft->entries == NULL)
		return error_set(err, ERROR_NO_MEMORY, "out of memory");
	for (uint64_t i = 0; i < count; i++)
		draft->entries[i] = draft->code->entries[draft->order[i]];
	return true;
}

/* ---- exceptions ---- */

static bool gather_tries(struct draft *draft, struct error *err)
{
	const struct code *code = draft->code;
	uint32_t tries = 0, ranges = 0, clauses = 0;
	for (uint32_t i = 0; code != NULL && i < draft->own; i++) {
		if (code->tries[i] == NULL)
			continue;
		tries++;
		ranges += code->tries[i]->range_count;
		clauses += code->tries[i]->clause_count;
	}
	draft->tries = mem_zeroed(tries + (size_t)1, sizeof *draft->tries);
	draft->ranges = mem_zeroed(ranges + (size_t)1, sizeof *draft->ranges);
	draft->clauses = mem_zeroed(clauses + (size_t)1, sizeof *draft->clauses);
	if (draft->tries == NULL || draft->ranges == NULL || draft->clauses == NULL)
		return error_set(err, ERROR_NO_MEMORY, "out of memory");
	draft->header.sections[IMAGE_TRIES].count = tries;
	draft->header.sections[IMAGE_RANGES].count = ranges;
	draft->header.sections[IMAGE_CLAUSES].count = clauses;
	tries = ranges = clauses = 0;
	for (uint32_t i = 0; code != NULL && i < draft->own; i++) {
		const struct try_table *from = code->tries[i];
		if (from == NULL)
			continue;
		draft->tries[tries++] =
		    (struct image_try){i, ranges, from->range_count, clauses, from->clause_count};
		memcpy(&draft->ranges[ranges], from->ranges, from->range_count * sizeof *from->ranges);
		if (from->clause_count > 0)
			memcpy(&draft->clauses[clauses], from->clauses,
			       from->clause_count * sizeof *from->clauses);
		ranges += from->range_count;
		clauses += from->clause_count;
	}
	return true;
}

/* ---- memory ---- */

/* Where an active segment of memory 0 goes, when that is a plain constant in the memory as it
 * starts. */
static bool segment_place(const struct module *m, const struct data_segment *data, uint64_t *at)
{
	union slot value;
	const struct memory_type *type = &m->memories[0];
	uint64_t size = type->limits.min << type->page_size_log2;
	struct const_expr place = data->offset;
	if (!const_eval_plain(m, &place, &value))
		return false;
	*at = type->limits.is_64 ? value.i64 : value.i32;
	return *at <= size && data->size <= size - *at;
}

static bool is_in_memory(const struct data_segment *data)
{
	return data->mode == SEGMENT_ACTIVE && data->memory == 0;
}

/* Sets where the memory's contents stand; none, when copying them is as good or they are not known.
 */
static void plan_memory(struct draft *draft)
{
	const struct module *m = draft->module;
	uint64_t low = UINT64_MAX, high = 0, bytes = 0;
	if (m->memory_count == 0 || m->imported_memory_count > 0)
		return;
	for (uint32_t i = 0; i < m->data_count; i++) {
		uint64_t at;
		if (!is_in_memory(&m->datas[i]))
			continue;
		if (!segment_place(m, &m->datas[i], &at))
			return;
		if (m->datas[i].size == 0)
			continue;
		low = at < low ? at : low;
		high = at + m->datas[i].size > high ? at + m->datas[i].size : high;
		bytes += m->datas[i].size;
	}
	if (bytes < IMAGE_MEMORY_MIN || high - low > 2 * bytes + IMAGE_MEMORY_MIN)
		return;
	low = low / IMAGE_PAGE * IMAGE_PAGE;
	high = (high + IMAGE_PAGE - 1) / IMAGE_PAGE * IMAGE_PAGE;
	const struct memory_type *type = &m->memories[0];
	if (high > type->limits.min << type->page_size_log2)
		return;
	draft->header.memory_at = low;
	draft->header.sections[IMAGE_MEMORY].count = high - low;
}

/* A run touches a memory here and there, and Linux maps with a page all that its cache holds in one
 * piece with it: mostly what was written in one piece. */
static bool write_in_pages(const struct draft *draft, const uint8_t *bytes, uint64_t size,
                           uint64_t offset, struct error *err)
{
	while (size > 0) {
		uint64_t piece = IMAGE_PAGE - offset % IMAGE_PAGE;
		piece = piece < size ? piece : size;
		if (!write_at(draft, bytes, piece, offset, err))
			return false;
		bytes += piece;
		offset += piece;
		size -= piece;
	}
	return true;
}

static bool write_memory(const struct draft *draft, struct error *err)
{
	const struct module *m = draft->module;
	const struct image_section *part = &draft->header.sections[IMAGE_MEMORY];
	for (uint32_t i = 0; part->count > 0 && i < m->data_count; i++) {
		uint64_t at = 0;
		const struct data_segment *data = &m->datas[i];
		if (is_in_memory(data) && segment_place(m, data, &at) &&
		    !write_in_pages(draft, m->bytes + data->data_offset, data->size,
		                    part->offset + at - draft->header.memory_at, err))
			return false;
	}
	return true;
}

/* ---- the whole ---- */

/* Places the sections one behind the other. */
static void place(struct image_header *header)
{
	struct image_section *sections = header->sections;
	uint64_t at = sizeof *header;
#define X(id, type, alignment)                                                                     \
	at = (at + (alignment) - 1) / (alignment) * (alignment);                                       \
	sections[IMAGE_##id].offset = at;                                                              \
	at += sections[IMAGE_##id].count * sizeof(type);
	IMAGE_SECTIONS(X)
#undef X
	header->file_size = at;
}

static bool lay_out(struct draft *draft, struct error *err)
{
	const struct module *m = draft->module;
	struct image_section *sections = draft->header.sections;
	sections[IMAGE_FUNCS].count = m->func_count;
	sections[IMAGE_ELEMS].count = m->elem_count;
	sections[IMAGE_DATAS].count = m->data_count;
	sections[IMAGE_CELLS].count = draft->code != NULL ? draft->code->count : 1;
	if (!gather_order(draft, err) || !gather_tries(draft, err) ||
	    (!draft->header.is_complete && !gather_entries(draft, err)))
		return false;
	plan_memory(draft);
	sections[IMAGE_MODULE].count = m->size;
	place(&draft->header);
	if (draft->header.file_size > IMAGE_WITH_MODULE_MAX) {
		sections[IMAGE_MODULE].count = 0;
		place(&draft->header);
	}
	return true;
}

static bool write_sections(const struct draft *draft, struct error *err)
{
	const struct module *m = draft->module;
	const struct code *code = draft->code;
	const struct cell lazy_cell = code_lazy_cell();
	/* A complete image may have no function at all, and then there is no code. */
	const uint32_t *entries = draft->entries;
	if (entries == NULL && code != NULL)
		entries = code->entries;
	const void *const contents[IMAGE_SECTION_COUNT] = {
	    [IMAGE_FUNCS] = m->funcs,       [IMAGE_ELEMS] = m->elems,
	    [IMAGE_DATAS] = m->datas,       [IMAGE_ORDER] = draft->order,
	    [IMAGE_ENTRIES] = entries,      [IMAGE_TRIES] = draft->tries,
	    [IMAGE_RANGES] = draft->ranges, [IMAGE_CLAUSES] = draft->clauses,
	    [IMAGE_MODULE] = m->bytes,      [IMAGE_CELLS] = code != NULL ? code->cells : &lazy_cell,
	};
	const struct image_section *sections = draft->header.sections;
#define X(id, type, alignment)                                                                     \
	if (contents[IMAGE_##id] != NULL &&                                                            \
	    !write_at(draft, contents[IMAGE_##id], sections[IMAGE_##id].count * sizeof(type),          \
	              sections[IMAGE_##id].offset, err))                                               \
		return false;
	IMAGE_SECTIONS(X)
#undef X
	return write_memory(draft, err);
}

/* Of what was written behind the header. */
static bool sum_contents(struct draft *draft, struct error *err)
{
	uint64_t words[IMAGE_SUMMED_MAX / sizeof(uint64_t)];
	const uint64_t size = draft->header.file_size - sizeof draft->header;
	for (uint64_t at = 0; at < size;) {
		ssize_t got =
		    pread(draft->fd, (uint8_t *)words + at, size - at, (off_t)(sizeof draft->header + at));
		if (got <= 0)
			return error_set_errno(err, got < 0 ? errno : EIO, "cannot read the image");
		at += (uint64_t)got;
	}
	draft->header.contents_checksum = image_words_checksum(words, size);
	return true;
}

static bool is_complete(const struct draft *draft)
{
	for (uint32_t i = 0; i < draft->own; i++)
		if (draft->code == NULL || draft->code->entries[i] == 0)
			return false;
	return true;
}

static bool write_draft(struct draft *draft, bool *needs_sync, struct error *err)
{
	draft->header.is_complete = is_complete(draft);
	if (!lay_out(draft, err))
		return false;
	*needs_sync = *needs_sync || draft->header.file_size > IMAGE_SUMMED_MAX;
	draft->header.is_summed = !*needs_sync;
	draft->header.types_differ = draft->module->types_differ;
	if (draft->header.is_complete && draft->code != NULL && !code_make_calls_near(draft->code, err))
		return false;
	if (ftruncate(draft->fd, (off_t)draft->header.file_size) != 0)
		return error_set_errno(err, errno, "cannot write the image");
	/* The header last: a file that was not finished does not look like an image. */
	if (!write_sections(draft, err) || (!*needs_sync && !sum_contents(draft, err)))
		return false;
	draft->header.checksum = image_checksum(&draft->header);
	return write_at(draft, &draft->header, sizeof draft->header, 0, err);
}

bool image_write(int fd, const struct store *store, const struct module *module,
                 const struct image_source *source, bool *needs_sync, struct error *err)
{
	struct draft draft = {
	    .fd = fd,
	    .module = module,
	    .code = code_of(store, module),
	    .own = module->func_count - module->imported_func_count,
	};
	memcpy(draft.header.magic, IMAGE_MAGIC, sizeof draft.header.magic);
	draft.header.source = *source;
	draft.header.code_flags = code_flags(store, draft.code != NULL && draft.code->checked);
	draft.header.functions = draft.own;
	draft.header.cell_room = code_room(module);
	if (!image_build_id(draft.header.build_id))
		return error_set(err, ERROR_UNSUPPORTED, "this executable has no build id");
	bool fine = write_draft(&draft, needs_sync, err);
	mem_free(draft.order);
	mem_free(draft.entries);
	mem_free(draft.tries);
	mem_free(draft.ranges);
	mem_free(draft.clauses);
	return fine;
}
