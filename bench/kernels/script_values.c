#include "bench/kernels/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 14, PIECE = 1 << 20, NODES_MIN = 8 };

void script_fail(const char *what, const char *detail)
{
	printf("script: %s: %s\n", what, detail);
	exit(1);
}

/* From large pieces, each byte 0; never freed. */
void *script_allocate(size_t size)
{
	static char *at;
	static size_t left;
	size = (size + 15) & ~(size_t)15;
	if (size > left) {
		left = size > PIECE ? size : PIECE;
		at = calloc(1, left);
		if (at == NULL)
			script_fail("memory", "there is none left");
	}
	void *made = at;
	at += size;
	left -= size;
	return made;
}

static struct string *buckets[BUCKETS];

struct string *script_string(const char *text, size_t length)
{
	uint32_t hash = 2166136261;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)text[i]) * 16777619;
	struct string **bucket = &buckets[hash % BUCKETS];
	for (struct string *string = *bucket; string != NULL; string = string->next)
		if (string->hash == hash && string->length == length &&
		    memcmp(string->text, text, length) == 0)
			return string;
	struct string *string = script_allocate(sizeof *string + length + 1);
	string->hash = hash;
	string->length = (uint32_t)length;
	memcpy(string->text, text, length);
	string->next = *bucket;
	*bucket = string;
	return string;
}

/* The index of a whole number that may stand in `items`, or 0. */
static uint32_t index_of(struct value key)
{
	if (key.tag != NUMBER || !(key.as.number >= 1 && key.as.number <= 1e9))
		return 0;
	uint32_t index = (uint32_t)key.as.number;
	return (double)index == key.as.number ? index : 0;
}

static uint32_t hash_of(struct value key)
{
	uint64_t bits;
	if (key.tag == STRING)
		return key.as.string->hash;
	if (key.tag != NUMBER)
		script_fail("key", "is no number and no string");
	memcpy(&bits, &key.as.number, sizeof bits);
	return (uint32_t)((bits * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static bool is_same(struct value a, struct value b)
{
	if (a.tag != b.tag)
		return false;
	return a.tag == STRING ? a.as.string == b.as.string : a.as.number == b.as.number;
}

/* The node of the key, or the free one where it would stand. */
static struct node *find_node(const struct table *table, struct value key)
{
	uint32_t at = hash_of(key) & (table->size - 1);
	while (table->nodes[at].key.tag != NIL && !is_same(table->nodes[at].key, key))
		at = (at + 1) & (table->size - 1);
	return &table->nodes[at];
}

struct value table_get(const struct table *table, struct value key)
{
	uint32_t index = index_of(key);
	if (index > 0 && index <= table->count)
		return table->items[index - 1];
	return table->size > 0 ? find_node(table, key)->value : (struct value){.tag = NIL};
}

static void grow_nodes(struct table *table)
{
	struct table larger = *table;
	larger.size = table->size > 0 ? 2 * table->size : NODES_MIN;
	larger.nodes = script_allocate(larger.size * sizeof *larger.nodes);
	for (uint32_t i = 0; i < table->size; i++)
		if (table->nodes[i].key.tag != NIL)
			*find_node(&larger, table->nodes[i].key) = table->nodes[i];
	*table = larger;
}

static void append(struct table *table, struct value value)
{
	if (table->count == table->room) {
		uint32_t room = table->room > 0 ? 2 * table->room : 8;
		struct value *items = script_allocate(room * sizeof *items);
		if (table->count > 0)
			memcpy(items, table->items, table->count * sizeof *items);
		table->items = items;
		table->room = room;
	}
	table->items[table->count++] = value;
}

void table_set(struct table *table, struct value key, struct value value)
{
	uint32_t index = index_of(key);
	if (index > 0 && index <= table->count) {
		table->items[index - 1] = value;
		return;
	}
	if (index == table->count + 1) {
		append(table, value);
		return;
	}
	if (4 * (table->used + 1) > 3 * table->size)
		grow_nodes(table);
	struct node *node = find_node(table, key);
	table->used += node->key.tag == NIL;
	*node = (struct node){key, value};
}
