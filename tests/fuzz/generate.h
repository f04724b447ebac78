/* Valid modules from any bytes, for the fuzz targets that run code. The same bytes always give the
 * same module, and few bytes a small one, so that libFuzzer can shrink what it found.
 *
 * A module imports from "env" the host functions h0 … (harness.h) and, depending on the bytes, a
 * memory, a table and globals; it exports everything: functions f0 …, globals g0 …, memory "m",
 * tables t0 and t1. Every loop and function pays from the global FUEL_GLOBAL, and traps when it is
 * used up, so that all runs end; but for the small functions, which call only earlier ones.
 *
 * Covered: all instructions with a signature (numbers, SIMD and relaxed SIMD, saturation, atomics,
 * wide arithmetic, loads and stores); four memories, of 32-bit addresses, of 64-bit addresses, with
 * pages of a byte and shared, with bulk operations within and between them and short waits;
 * addresses of all shapes that lowering folds (generate_address.c); operands in all places that it
 * tells apart (generate_focus.c), and what becomes one cell (generate_pair.c); tables of
 * three reference types and of 64-bit indices; small functions without locals or blocks, which call
 * each other; blocks, branches and calls of several values; calls by table and by reference, also
 * in tail position; branch hints (generate_hint.c); exceptions, with all four kinds of clauses and
 * throw_ref, and those of old with catches, delegate and rethrow, in one function with each other
 * (generate_try.c); structs, arrays, i31, casts, subtypes and branches on them (generate_gc.c);
 * start functions, which may trap. Not covered: constant expressions of more than a constant.
 * test_reached.c proves that every operation of the interpreter is run.
 *
 * Instructions with a signature come from validator/insn.def, as far as their features are
 * implemented. NaNs are made canonical before their bits can be seen by anything but the harness,
 * so that results may be compared bit by bit (spec: 4.3.3, NaN propagation is not deterministic).
 */
#ifndef TESTS_FUZZ_GENERATE_H
#define TESTS_FUZZ_GENERATE_H

#include "tests/lib/wasm_builder.h"

#define FUEL_GLOBAL "fuel"
#define FUEL 400
/* Enough where garbage is collected at every allocation: that takes as long as the calls are deep,
 * and as many of them allocate. */
#define FUEL_COLLECTED 100

/* What the module is to be loaded with: all that there is. */
#define GENERATED_FEATURES FEATURES_IMPLEMENTED

/* To be freed by bytes_free(). */
struct bytes generate_module(const uint8_t *data, size_t size);

#endif
