#include "validator/hints.h"

#include "validator/alloc.h"
#include "validator/body.h"
#include "validator/decode.h"

#define SECTION_NAME "metadata.code.branch_hint"

/* The hints of one function, asked for in the order of its instructions. */
struct function_hints {
	struct reader r;
	const struct module *module;
	uint32_t func;
	uint32_t left; /* hints not read yet */
	uint32_t next; /* offset of the present one in the module */
	uint32_t at;   /* where it stands in the section */
	bool pending;
};

/* Reads a hint: offset from the function's start, size 1, 0 or 1. */
static bool read_hint(struct function_hints *h, struct error *err)
{
	h->pending = false;
	if (h->left == 0)
		return true;
	uint32_t offset, size;
	uint8_t value;
	uint32_t before = h->next;
	h->at = reader_offset(&h->r);
	if (!read_u32(&h->r, &offset, err) || !read_u32(&h->r, &size, err) ||
	    !read_byte(&h->r, &value, err))
		return false;
	h->next = h->module->funcs[h->func].body_offset + offset;
	if (size != 1 || value > 1 || h->next <= before)
		return error_set_at(
		    err, ERROR_MALFORMED, h->at,
		    "%s annotation: a hint is one byte, 0 or 1, and they stand in the order "
		    "of their instructions",
		    "@" SECTION_NAME);
	h->left--;
	h->pending = true;
	return true;
}

static bool no_target(const struct function_hints *h, struct error *err)
{
	return error_set_at(err, ERROR_INVALID, h->at,
	                    "@%s annotation: invalid target: no br_if or if of function %u stands at "
	                    "offset 0x%x",
	                    SECTION_NAME, h->func, h->next);
}

static bool match_step(void *ctx, const struct step *step, struct error *err)
{
	struct function_hints *h = ctx;
	if (!h->pending || step->offset < h->next)
		return true;
	if (step->offset > h->next || (step->id != INSN_br_if && step->id != INSN_if))
		return no_target(h, err);
	return read_hint(h, err);
}

static bool check_function(struct function_hints *h, struct body_scratch *scratch,
                           struct error *err)
{
	struct body_sink sink = {.ctx = h, .step = match_step};
	if (!read_hint(h, err) || !body_walk(h->module, h->func, scratch, &sink, err))
		return false;
	return !h->pending || no_target(h, err);
}

static bool check_section(const struct module *m, const struct custom_section *section,
                          struct body_scratch *scratch, struct error *err)
{
	struct function_hints h = {
	    .module = m,
	    .r = {.base = m->bytes,
	          .pos = m->bytes + section->offset,
	          .end = m->bytes + section->offset + section->size},
	};
	uint32_t functions;
	if (!read_u32(&h.r, &functions, err))
		return false;
	for (uint32_t i = 0; i < functions; i++) {
		uint32_t at = reader_offset(&h.r);
		uint32_t func;
		if (!read_u32(&h.r, &func, err) || !read_u32(&h.r, &h.left, err))
			return false;
		if (func < m->imported_func_count || func >= m->func_count || (i > 0 && func <= h.func))
			return error_set_at(
			    err, ERROR_INVALID, at,
			    "@%s annotation: invalid target: function %u has no body, or stands "
			    "out of order",
			    SECTION_NAME, func);
		h.func = func;
		h.next = 0;
		if (!check_function(&h, scratch, err))
			return false;
	}
	return true;
}

bool branch_hints_check(const struct module *module, struct error *err)
{
	for (uint32_t i = 0; i < module->custom_count; i++) {
		if (!name_is(module->customs[i].name, SECTION_NAME))
			continue;
		struct body_scratch *scratch = body_scratch_create();
		if (scratch == NULL)
			return no_memory(err);
		bool fine = check_section(module, &module->customs[i], scratch, err);
		body_scratch_destroy(scratch);
		return fine;
	}
	return true;
}

/* ---- for lowering ---- */

static const struct custom_section *find_section(const struct module *m)
{
	for (uint32_t i = 0; i < m->custom_count; i++)
		if (name_is(m->customs[i].name, SECTION_NAME))
			return &m->customs[i];
	return NULL;
}

static bool skip_hints(struct reader *r, uint32_t count, struct error *err)
{
	uint32_t offset, size;
	uint8_t value;
	for (uint32_t i = 0; i < count; i++)
		if (!read_u32(r, &offset, err) || !read_u32(r, &size, err) || size != 1 ||
		    !read_byte(r, &value, err))
			return false;
	return true;
}

static bool index_section(const struct module *m, const struct custom_section *section,
                          uint32_t *starts)
{
	struct error ignored = ERROR_INIT;
	struct reader r = {.base = m->bytes,
	                   .pos = m->bytes + section->offset,
	                   .end = m->bytes + section->offset + section->size};
	uint32_t functions;
	if (!read_u32(&r, &functions, &ignored))
		return false;
	for (uint32_t i = 0; i < functions; i++) {
		uint32_t func, count;
		if (!read_u32(&r, &func, &ignored) || func < m->imported_func_count ||
		    func >= m->func_count)
			return false;
		uint32_t start = reader_offset(&r);
		if (!read_u32(&r, &count, &ignored) || !skip_hints(&r, count, &ignored))
			return false;
		starts[func - m->imported_func_count] = start;
	}
	return true;
}

bool branch_hints_index(const struct module *module, uint32_t *starts)
{
	const struct custom_section *section = find_section(module);
	size_t functions = module->func_count - module->imported_func_count;
	memset(starts, 0, functions * sizeof *starts);
	if (section != NULL && index_section(module, section, starts))
		return true;
	memset(starts, 0, functions * sizeof *starts);
	return false;
}

static void next_hint(struct branch_hints *hints)
{
	struct error ignored = ERROR_INIT;
	uint32_t offset, size;
	hints->next = UINT32_MAX;
	if (hints->left == 0 || !read_u32(&hints->r, &offset, &ignored) ||
	    !read_u32(&hints->r, &size, &ignored) || !read_byte(&hints->r, &hints->value, &ignored))
		return;
	hints->left--;
	hints->next = hints->body + offset;
}

void branch_hints_begin(struct branch_hints *hints, const struct module *module, uint32_t func,
                        uint32_t start)
{
	struct error ignored = ERROR_INIT;
	*hints = (struct branch_hints){
	    .r = {.base = module->bytes,
	          .pos = module->bytes + start,
	          .end = module->bytes + module->size},
	    .body = module->funcs[func].body_offset,
	    .next = UINT32_MAX,
	};
	if (start != 0 && read_u32(&hints->r, &hints->left, &ignored))
		next_hint(hints);
}

bool branch_hints_unlikely(struct branch_hints *hints, uint32_t offset)
{
	while (hints->next < offset)
		next_hint(hints);
	return hints->next == offset && hints->value == 0;
}
