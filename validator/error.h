/* The error object: what failed, where, and for whom.
 *
 * Contract. A fallible function takes `struct error *err` as its last argument and tells failure by
 * its return value (false, NULL or a negative number). On success *err is untouched. The first
 * message wins: error_set() on an error that is already set does nothing, so a cleanup path cannot
 * hide the cause. On the way up a caller adds its context with error_wrap(): "context: message".
 * Messages are for the person who must act: what failed, where, what to do. `err` is never NULL. */
#ifndef VALIDATOR_ERROR_H
#define VALIDATOR_ERROR_H

#include <stdbool.h>
#include <stdint.h>

/* One row for each kind: constant, word shown to people, process exit status of the command line.
 * 134 is what a shell shows for SIGABRT; Wasm runtimes use it for traps. */
#define ERROR_KINDS(X)                                                                             \
	X(ERROR_NONE, "no error", 0)                                                                   \
	X(ERROR_MALFORMED, "malformed module", 1) /* the bytes are no module (spec: decoding) */       \
	X(ERROR_INVALID, "invalid module", 1)     /* decodes, does not validate (spec: validation) */  \
	X(ERROR_UNSUPPORTED, "not supported", 1)  /* valid Wasm that this build refuses, by name */    \
	X(ERROR_LIMIT, "limit reached", 1)        /* a named limit; the message says how to set it */  \
	X(ERROR_LINK, "cannot link", 1)           /* an import is missing or of another type */        \
	X(ERROR_TRAP, "trap", 134)                /* the guest trapped; see struct trap_report */      \
	X(ERROR_EXIT, "exit", 0)                  /* the guest called proc_exit; not a failure */      \
	X(ERROR_NO_MEMORY, "out of memory", 1)    /* of the host */                                    \
	X(ERROR_SYSTEM, "system error", 1)        /* sys_errno holds errno */                          \
	X(ERROR_USAGE, "usage", 2)                /* the command line, a policy, a request */          \
	X(ERROR_DENIED, "denied", 1)              /* a capability is not granted */                    \
	X(ERROR_NETWORK, "network", 1)            /* a registry or server */

enum error_kind {
#define X(kind, word, status) kind,
	ERROR_KINDS(X)
#undef X
};

#define ERROR_NO_OFFSET UINT64_MAX
#define ERROR_NO_FUNC UINT32_MAX

struct error {
	enum error_kind kind;
	int sys_errno;       /* 0, or the errno behind the message */
	uint64_t offset;     /* byte offset in the module, or ERROR_NO_OFFSET */
	uint32_t func;       /* function index, or ERROR_NO_FUNC */
	const char *feature; /* ERROR_UNSUPPORTED: the feature's name, a static string; else NULL */
	char message[768];   /* without newline; empty when kind is ERROR_NONE */
};

/* An error object that holds no error. */
#define ERROR_INIT {.offset = ERROR_NO_OFFSET, .func = ERROR_NO_FUNC}

/* Back to ERROR_INIT. */
void error_clear(struct error *err);

/* Sets kind and message; nothing when one is set already. */
void error_put(struct error *err, enum error_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_put(ERROR_SYSTEM), with ": strerror(sys_errno)" behind the message. */
void error_put_errno(struct error *err, int sys_errno, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_put(), for a place in a module. */
void error_put_at(struct error *err, enum error_kind kind, uint64_t offset, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same as expressions of the value false, so that `return error_set(...)` reads well in a bool
 * function and the compiler sees which way it goes. */
#define error_set(...)                                                                             \
	(__extension__({                                                                               \
		error_put(__VA_ARGS__);                                                                    \
		false;                                                                                     \
	}))
#define error_set_errno(...)                                                                       \
	(__extension__({                                                                               \
		error_put_errno(__VA_ARGS__);                                                              \
		false;                                                                                     \
	}))
#define error_set_at(...)                                                                          \
	(__extension__({                                                                               \
		error_put_at(__VA_ARGS__);                                                                 \
		false;                                                                                     \
	}))

/* Puts "context: " before the message of an error that is set. */
void error_wrap(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The whole text for a person, with kind, function index and byte offset where they are known:
 * "invalid module: function 3, offset 0x1f: type mismatch …". Written to buf (always terminated),
 * which is returned. */
char *error_format(const struct error *err, char *buf, unsigned long size);

const char *error_kind_word(enum error_kind kind);
int error_exit_status(enum error_kind kind);

#endif
