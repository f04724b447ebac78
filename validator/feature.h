/* Features: what of WebAssembly a module may use.
 *
 * Row: constant suffix, name (for messages and --enable), in 3.0 (on by default), implemented. A
 * feature that is on but not implemented is refused at load by its name and the byte offset. */
#ifndef VALIDATOR_FEATURE_H
#define VALIDATOR_FEATURE_H

#include <stdint.h>

#define FEATURES(X)                                                                                \
	X(MVP, "mvp", 1, 1)                                                                            \
	X(MUTABLE_GLOBALS, "mutable-globals", 1, 1)                                                    \
	X(SIGN_EXTENSION, "sign-extension", 1, 1)                                                      \
	X(SATURATING, "saturating-conversions", 1, 1)                                                  \
	X(MULTI_VALUE, "multi-value", 1, 1)                                                            \
	X(BULK_MEMORY, "bulk-memory", 1, 1)                                                            \
	X(REFERENCE_TYPES, "reference-types", 1, 1)                                                    \
	X(EXTENDED_CONST, "extended-const", 1, 1)                                                      \
	X(SIMD, "simd", 1, 1)                                                                          \
	X(RELAXED_SIMD, "relaxed-simd", 1, 1)                                                          \
	X(TAIL_CALL, "tail-call", 1, 1)                                                                \
	X(FUNCTION_REFERENCES, "function-references", 1, 1)                                            \
	X(GC, "gc", 1, 1)                                                                              \
	X(EXCEPTIONS, "exceptions", 1, 1)                                                              \
	X(MULTI_MEMORY, "multi-memory", 1, 1)                                                          \
	X(MEMORY64, "memory64", 1, 1)                                                                  \
	X(COMPACT_IMPORTS, "compact-imports", 0, 1)                                                    \
	X(LEGACY_EXCEPTIONS, "legacy-exceptions", 0, 1)                                                \
	X(THREADS, "threads", 0, 1)                                                                    \
	X(CUSTOM_PAGE_SIZES, "custom-page-sizes", 0, 1)                                                \
	X(WIDE_ARITHMETIC, "wide-arithmetic", 0, 1)

enum feature {
#define X(id, name, standard, implemented) FEATURE_##id,
	FEATURES(X)
#undef X
	    FEATURE_COUNT
};

#define FEATURE_BIT(id) (UINT64_C(1) << FEATURE_##id)

static const uint64_t FEATURES_DEFAULT = 0
#define X(id, name, standard, implemented) | ((uint64_t)(standard) << FEATURE_##id)
    FEATURES(X)
#undef X
    ;

static const uint64_t FEATURES_IMPLEMENTED = 0
#define X(id, name, standard, implemented) | ((uint64_t)(implemented) << FEATURE_##id)
    FEATURES(X)
#undef X
    ;

const char *feature_name(enum feature feature);

/* The feature of that name, or FEATURE_COUNT. */
enum feature feature_find(const char *name);

#endif
