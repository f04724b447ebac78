/* Policies from files. */
#include "plugin/policy.h"

#include "caps/cleanup.h"
#include "plugin/policy_document.h"

#include <fcntl.h>
#include <stdio.h>

static bool read_file(const char *path, char *text, size_t room, size_t *size, struct error *err)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 0;
	if (fd < 0)
		return error_set_errno(err, errno, "policy %s: cannot be opened", path);
	for (*size = 0; *size < room; *size += (size_t)got) {
		got = read(fd, text + *size, room - *size);
		if (got < 0)
			return error_set_errno(err, errno, "policy %s: cannot be read", path);
		if (got == 0)
			return true;
	}
	return error_set(err, ERROR_LIMIT, "policy %s: has more than %zu bytes", path,
	                 POLICY_BYTES_MAX);
}

bool policy_load(const char *path, enum policy_role role, struct policy *out, struct error *err)
{
	*out = (struct policy){0};
	/* One more, to tell a file that is too large. */
	cleanup_free char *text = malloc(POLICY_BYTES_MAX + 1);
	size_t size;
	json_t *document = NULL, *marks = NULL;
	if (text == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for a policy");
	bool ok = read_file(path, text, POLICY_BYTES_MAX + 1, &size, err) &&
	          policy_document_parse(text, size, path, &document, &marks, err) &&
	          policy_read(document, marks, path, role, out, err);
	json_decref(document);
	json_decref(marks);
	return ok;
}
