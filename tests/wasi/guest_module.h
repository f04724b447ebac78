/* A guest for the tests: a module that imports every WASI function and exports a wrapper of the
 * same name for each, beside one page of memory. So a test calls a handler as a guest does. */
#ifndef TESTS_WASI_GUEST_MODULE_H
#define TESTS_WASI_GUEST_MODULE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "caps/caps.h"
#include "interp/interp.h"
#include "wasi/abi.h"
#include "wasi/wasi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MEMORY_SIZE 65536u
#define ROOT_FD 3u

struct guest_run {
	char root[64]; /* the host folder granted as "/" */
	struct caps *caps;
	struct wasi *wasi;
	struct store *store;
	struct module *module;
	struct instance *inst;
	uint8_t *bytes;
	uint8_t *memory;
	struct error err; /* of the last call */
};

/* A run with nothing granted, and one with everything: stdin "input", captured outputs of at most
 * 64 bytes, the folder, a fixed clock, seeded random, two arguments, one variable. */
int guest_setup_empty(void **state);
int guest_setup_full(void **state);
/* Standard input and output alone, both /dev/null. */
int guest_setup_devices(void **state);
/* As full, importing from wasi_unstable. */
int guest_setup_snapshot_0(void **state);
int guest_teardown(void **state);

/* Calls the wrapper; args are as many as the signature has, 32-bit ones in the low half. The WASI
 * errno, or CALL_ENDED when the call did not return; then run->err says why. */
#define CALL_ENDED UINT32_MAX
uint32_t guest_call(struct guest_run *run, const char *name, const uint64_t *args);
#define CALL(run, name, ...) guest_call(run, #name, (const uint64_t[]){__VA_ARGS__})

static inline uint32_t get_u32(const struct guest_run *run, uint32_t at)
{
	uint32_t v;
	memcpy(&v, run->memory + at, sizeof v);
	return v;
}

static inline uint64_t get_u64(const struct guest_run *run, uint32_t at)
{
	uint64_t v;
	memcpy(&v, run->memory + at, sizeof v);
	return v;
}

static inline void put_u32(struct guest_run *run, uint32_t at, uint32_t v)
{
	memcpy(run->memory + at, &v, sizeof v);
}

static inline void put_u64(struct guest_run *run, uint32_t at, uint64_t v)
{
	memcpy(run->memory + at, &v, sizeof v);
}

/* Writes the text at `at`; its length. */
static inline uint32_t put_text(struct guest_run *run, uint32_t at, const char *text)
{
	memcpy(run->memory + at, text, strlen(text));
	return (uint32_t)strlen(text);
}

/* Opens "/name" with all rights, creating it; its descriptor. */
uint32_t guest_open(struct guest_run *run, const char *name);

#endif
