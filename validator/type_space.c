#include "validator/type_space.h"

#include "validator/decode.h"

/* While groups are compared, a type within the group is named by its place there. */
#define IN_GROUP ((valtype)0x200000)
_Static_assert((IN_GROUP & HEAP_MASK) != 0 && (IN_GROUP & HEAP_ABSTRACT) == 0, "a bit of indices");

/* A group as it is asked for, with the ids of what it names. */
struct candidate {
	const struct type_def *defs; /* of its first type */
	const struct functype *types;
	const uint32_t *ids;
	uint32_t start;
	uint32_t size;
};

void type_space_init(struct type_space *space, struct arena *arena)
{
	*space = (struct type_space){.arena = arena};
}

void type_space_clear(struct type_space *space)
{
	if (!space->is_borrowed) {
		mem_free(space->defs);
		mem_free(space->types);
	}
	mem_free(space->table);
}

void type_space_borrow(struct type_space *space, const struct type_def *defs,
                       const struct functype *types, uint32_t count)
{
	/* Nothing is written there. */
	space->defs = (struct type_def *)(uintptr_t)defs;
	space->types = (struct functype *)(uintptr_t)types;
	space->is_borrowed = true;
	space->count = space->room = count;
	for (uint32_t id = 0; id < count; id += defs[id].group_size)
		space->group_count++;
}

/* The type index, as a place in the group or an id. */
static uint32_t place(uint32_t index, uint32_t start, uint32_t size, const uint32_t *ids)
{
	if (index - start < size)
		return IN_GROUP | (index - start);
	return ids == NULL ? index : ids[index];
}

static valtype place_type(valtype type, uint32_t start, uint32_t size, const uint32_t *ids)
{
	if (!valtype_is_ref(type) || !heap_is_index(type))
		return type;
	return (type & ~HEAP_MASK) | place(type & HEAP_MASK, start, size, ids);
}

/* What makes a type what it is, as a row of words: hashed and compared through this one walk. */
typedef bool visitor(void *ctx, uint32_t word);

static bool visit(const struct type_def *def, const struct functype *type, uint32_t start,
                  uint32_t size, const uint32_t *ids, visitor *see, void *ctx)
{
	uint32_t super = def->super == TYPE_NONE ? TYPE_NONE : place(def->super, start, size, ids);
	if (!see(ctx, (uint32_t)def->form | (uint32_t)def->is_final << 8) || !see(ctx, super))
		return false;
	if (def->form == FORM_FUNC) {
		uint32_t count = type->param_count + type->result_count;
		if (!see(ctx, type->param_count) || !see(ctx, type->result_count))
			return false;
		for (uint32_t i = 0; i < count; i++)
			if (!see(ctx, place_type(type->params[i], start, size, ids)))
				return false;
		return true;
	}
	if (!see(ctx, def->field_count))
		return false;
	for (uint32_t i = 0; i < def->field_count; i++) {
		const struct field *field = &def->fields[i];
		if (!see(ctx, place_type(field->type, start, size, ids)) ||
		    !see(ctx, field->packed_bits | (uint32_t)field->is_mutable << 8))
			return false;
	}
	return true;
}

static bool hash_word(void *ctx, uint32_t word)
{
	uint64_t *hash = ctx;
	*hash = (*hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	*hash ^= *hash >> 29;
	return true;
}

static uint64_t hash_group(const struct candidate *c)
{
	uint64_t hash = c->size;
	for (uint32_t i = 0; i < c->size; i++)
		visit(&c->defs[i], &c->types[i], c->start, c->size, c->ids, hash_word, &hash);
	return hash;
}

/* Compares in two passes over a bounded window: the words of one type are short-lived, and those of
 * most types few enough to be allocated nowhere. */
#define WORDS_FEW 64

struct words {
	uint32_t few[WORDS_FEW];
	uint32_t *at; /* `few`, or an array of its own */
	uint32_t count;
	uint32_t room;
	bool failed;
};

static bool keep_word(void *ctx, uint32_t word)
{
	struct words *words = ctx;
	if (words->count == words->room) {
		uint32_t room = words->room * 2;
		uint32_t *had = words->at == words->few ? NULL : words->at;
		uint32_t *more = mem_resize(had, room * sizeof *more);
		if (more == NULL) {
			words->failed = true;
			return false;
		}
		if (had == NULL)
			memcpy(more, words->few, sizeof words->few);
		words->at = more;
		words->room = room;
	}
	words->at[words->count++] = word;
	return true;
}

struct comparison {
	const struct words *words;
	uint32_t next;
};

static bool same_word(void *ctx, uint32_t word)
{
	struct comparison *c = ctx;
	return c->next < c->words->count && c->words->at[c->next++] == word;
}

static bool same_group(const struct type_space *space, uint32_t id, const struct words *words,
                       uint32_t size)
{
	if (space->defs[id].group_size != size)
		return false;
	struct comparison c = {.words = words};
	for (uint32_t i = id; i < id + size; i++)
		if (!visit(&space->defs[i], &space->types[i], id, size, NULL, same_word, &c))
			return false;
	return c.next == words->count;
}

/* ---- adding ---- */

static bool own_types(struct type_space *space, struct error *err)
{
	struct type_def *defs = mem_alloc(space->count * sizeof *defs);
	struct functype *types = mem_alloc(space->count * sizeof *types);
	if (defs == NULL || types == NULL) {
		mem_free(defs);
		mem_free(types);
		return no_memory(err);
	}
	memcpy(defs, space->defs, space->count * sizeof *defs);
	memcpy(types, space->types, space->count * sizeof *types);
	space->defs = defs;
	space->types = types;
	space->is_borrowed = false;
	return true;
}

static bool grow_types(struct type_space *space, uint32_t more, struct error *err)
{
	if (more <= space->room - space->count)
		return true;
	uint32_t room =
	    space->room * 2 > space->count + more ? space->room * 2 : space->count + more + 16;
	if (space->is_borrowed && !own_types(space, err))
		return false;
	struct type_def *defs = mem_resize(space->defs, room * sizeof *defs);
	if (defs == NULL)
		return no_memory(err);
	space->defs = defs;
	struct functype *types = mem_resize(space->types, room * sizeof *types);
	if (types == NULL)
		return no_memory(err);
	space->types = types;
	space->room = room;
	return true;
}

static valtype own_type(valtype type, const struct candidate *c, uint32_t id)
{
	type = place_type(type, c->start, c->size, c->ids);
	if (valtype_is_ref(type) && heap_is_index(type) && (type & IN_GROUP))
		return (type & ~HEAP_MASK) | (id + (type & HEAP_MASK & ~IN_GROUP));
	return type;
}

static bool copy_type(struct type_space *space, const struct candidate *c, uint32_t i, uint32_t id,
                      struct error *err)
{
	const struct type_def *from = &c->defs[i];
	struct type_def *def = &space->defs[id + i];
	*def = *from;
	def->canon = id + i;
	def->group_start = id;
	if (from->super != TYPE_NONE) {
		uint32_t super = place(from->super, c->start, c->size, c->ids);
		def->super = super & IN_GROUP ? id + (super & ~IN_GROUP) : super;
	}
	struct functype *type = &space->types[id + i];
	*type = c->types[i];
	if (def->form == FORM_FUNC) {
		uint32_t count = type->param_count + type->result_count;
		valtype *all = arena_zeroed(space->arena, count, sizeof *all);
		if (all == NULL)
			return no_memory(err);
		for (uint32_t j = 0; j < count; j++)
			all[j] = own_type(c->types[i].params[j], c, id);
		type->params = all;
		type->results = all + type->param_count;
		return true;
	}
	struct field *fields = arena_zeroed(space->arena, def->field_count, sizeof *fields);
	if (fields == NULL)
		return no_memory(err);
	for (uint32_t j = 0; j < def->field_count; j++) {
		fields[j] = from->fields[j];
		fields[j].type = own_type(fields[j].type, c, id);
	}
	def->fields = fields;
	return true;
}

static void insert(uint32_t *table, uint32_t room, uint64_t hash, uint32_t id)
{
	uint32_t at = (uint32_t)hash & (room - 1);
	while (table[at] != 0)
		at = (at + 1) & (room - 1);
	table[at] = id + 1;
}

static bool grow_table(struct type_space *space, struct error *err)
{
	if ((space->group_count + 1) * 2 <= space->table_room)
		return true;
	uint32_t room = space->table_room == 0 ? 64 : space->table_room * 2;
	while (room < (space->group_count + 1) * 2)
		room *= 2;
	uint32_t *table = mem_zeroed(room, sizeof *table);
	if (table == NULL)
		return no_memory(err);
	for (uint32_t id = 0; id < space->count; id += space->defs[id].group_size) {
		struct candidate c = {
		    .defs = &space->defs[id],
		    .types = &space->types[id],
		    .start = id,
		    .size = space->defs[id].group_size,
		};
		insert(table, room, hash_group(&c), id);
	}
	mem_free(space->table);
	space->table = table;
	space->table_room = room;
	return true;
}

static bool find_or_add(struct type_space *space, const struct candidate *c,
                        const struct words *words, uint32_t *out, struct error *err)
{
	if (!grow_table(space, err) || !grow_types(space, c->size, err))
		return false;
	uint64_t hash = hash_group(c);
	for (uint32_t at = (uint32_t)hash & (space->table_room - 1); space->table[at] != 0;
	     at = (at + 1) & (space->table_room - 1)) {
		if (same_group(space, space->table[at] - 1, words, c->size)) {
			*out = space->table[at] - 1;
			return true;
		}
	}
	uint32_t id = space->count;
	for (uint32_t i = 0; i < c->size; i++)
		if (!copy_type(space, c, i, id, err))
			return false;
	insert(space->table, space->table_room, hash, id);
	space->count += c->size;
	space->group_count++;
	*out = id;
	return true;
}

bool type_space_add(struct type_space *space, const struct type_def *defs,
                    const struct functype *types, uint32_t start, uint32_t size, uint32_t *ids,
                    struct error *err)
{
	struct candidate c = {
	    .defs = defs + start,
	    .types = types + start,
	    .ids = ids,
	    .start = start,
	    .size = size,
	};
	struct words words;
	words.at = words.few;
	words.room = WORDS_FEW;
	words.count = 0;
	words.failed = false;
	for (uint32_t i = 0; i < size && !words.failed; i++)
		visit(&c.defs[i], &c.types[i], start, size, ids, keep_word, &words);
	uint32_t id = 0;
	bool fine = words.failed ? no_memory(err) : find_or_add(space, &c, &words, &id, err);
	if (words.at != words.few)
		mem_free(words.at);
	for (uint32_t i = 0; fine && i < size; i++)
		ids[start + i] = id + i;
	return fine;
}
