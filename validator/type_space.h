/* A set of types without doubles: equal recursive groups (spec: 3.1.1, iso-recursive equivalence)
 * are one, and every type has an id. A module has one while it is loaded; a store (interp/) has one
 * for all its modules, so that types can be compared by their ids at run time. */
#ifndef VALIDATOR_TYPE_SPACE_H
#define VALIDATOR_TYPE_SPACE_H

#include "validator/error.h"
#include "validator/types.h"

struct type_space {
	/* By id. Their value types name ids of this space; canon is the id itself. Supertypes are ids.
	 */
	struct type_def *defs;
	struct functype *types;
	bool is_borrowed; /* the two are a module's: copied before anything is added */
	uint32_t count;
	uint32_t room;
	uint32_t *table;     /* hash table of groups: id of the first type + 1, or 0 */
	uint32_t table_room; /* a power of two */
	uint32_t group_count;
	struct arena *arena;
};

/* What it holds goes into the arena and into blocks that type_space_clear() frees. */
void type_space_init(struct type_space *space, struct arena *arena);
void type_space_clear(struct type_space *space);

/* The space, which is still empty, begins with all types of a module that has no two equal ones
 * (module.h: types_differ): their ids are their indices. Borrowed as long as the space is there. */
void type_space_borrow(struct type_space *space, const struct type_def *defs,
                       const struct functype *types, uint32_t count);

/* Adds the group of `size` types from index `start` on, or finds the equal one. ids[i] is the id of
 * type index i: given for all that the group names outside of itself, set for the group. */
bool type_space_add(struct type_space *space, const struct type_def *defs,
                    const struct functype *types, uint32_t start, uint32_t size, uint32_t *ids,
                    struct error *err);

#endif
