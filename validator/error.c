#include "validator/error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *word;
	int status;
} kinds[] = {
#define X(kind, word, status) [kind] = {word, status},
    ERROR_KINDS(X)
#undef X
};

const char *error_kind_word(enum error_kind kind)
{
	return kinds[kind].word;
}

int error_exit_status(enum error_kind kind)
{
	return kinds[kind].status;
}

void error_clear(struct error *err)
{
	*err = (struct error)ERROR_INIT;
}

static void set(struct error *err, enum error_kind kind, int sys_errno, uint64_t offset,
                const char *fmt, va_list args)
{
	err->kind = kind;
	err->sys_errno = sys_errno;
	err->offset = offset;
	vsnprintf(err->message, sizeof err->message, fmt, args);
	if (sys_errno != 0) {
		size_t used = strlen(err->message);
		snprintf(err->message + used, sizeof err->message - used, ": %s", strerror(sys_errno));
	}
}

void error_put(struct error *err, enum error_kind kind, const char *fmt, ...)
{
	if (err->kind == ERROR_NONE) {
		va_list args;
		va_start(args, fmt);
		set(err, kind, 0, ERROR_NO_OFFSET, fmt, args);
		va_end(args);
	}
}

void error_put_errno(struct error *err, int sys_errno, const char *fmt, ...)
{
	if (err->kind == ERROR_NONE) {
		va_list args;
		va_start(args, fmt);
		set(err, ERROR_SYSTEM, sys_errno, ERROR_NO_OFFSET, fmt, args);
		va_end(args);
	}
}

void error_put_at(struct error *err, enum error_kind kind, uint64_t offset, const char *fmt, ...)
{
	if (err->kind == ERROR_NONE) {
		va_list args;
		va_start(args, fmt);
		set(err, kind, 0, offset, fmt, args);
		va_end(args);
	}
}

void error_wrap(struct error *err, const char *fmt, ...)
{
	if (err->kind == ERROR_NONE)
		return;
	char context[sizeof err->message];
	va_list args;
	va_start(args, fmt);
	vsnprintf(context, sizeof context, fmt, args);
	va_end(args);

	/* The cause moves back to make room; what does not fit is cut off its end. */
	const size_t size = sizeof err->message;
	size_t len = strlen(context);
	if (len > size / 2)
		len = size / 2;
	memmove(err->message + len + 2, err->message, size - len - 2);
	memcpy(err->message, context, len);
	memcpy(err->message + len, ": ", 2);
	err->message[size - 1] = '\0';
}

char *error_format(const struct error *err, char *buf, unsigned long size)
{
	char where[64] = "";
	size_t used = 0;
	if (err->func != ERROR_NO_FUNC)
		used = (size_t)snprintf(where, sizeof where, "function %" PRIu32 ", ", err->func);
	if (err->offset != ERROR_NO_OFFSET)
		used += (size_t)snprintf(where + used, sizeof where - used, "offset 0x%" PRIx64 ", ",
		                         err->offset);
	if (used > 0)
		memcpy(where + used - 2, ": ", 3);
	snprintf(buf, size, "%s: %s%s", error_kind_word(err->kind), where, err->message);
	return buf;
}
