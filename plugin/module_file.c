#include "plugin/module_file.h"

#include "caps/cleanup.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static bool look_at(struct module_file *file, int fd, struct error *err)
{
	struct stat *st = &file->st;
	if (fstat(fd, st) < 0)
		return error_set_errno(err, errno, "cannot open");
	if (!S_ISREG(st->st_mode))
		return error_set(err, ERROR_SYSTEM, "is no regular file; a module is mapped, not read");
	file->size = (size_t)st->st_size;
	return true;
}

static bool map(struct module_file *file, int fd, struct error *err)
{
	if (file->size == 0)
		return true;
	void *bytes = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return error_set_errno(err, errno, "cannot map");
	file->bytes = bytes;
	return true;
}

int module_file_open(struct module_file *file, const char *path, struct error *err)
{
	/* What is no regular file is refused below, and not waited for before that. */
	cleanup_close int fd = openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		error_set_errno(err, errno, "cannot open");
		return -1;
	}
	return look_at(file, fd, err) ? take_fd(&fd) : -1;
}

bool module_file_map_open(struct module_file *file, int fd, struct error *err)
{
	return look_at(file, fd, err) && map(file, fd, err);
}

bool module_file_take(struct module_file *file, int fd, const uint8_t *bytes, struct error *err)
{
	cleanup_close int taken = fd;
	if (bytes == NULL)
		return map(file, taken, err);
	file->bytes = bytes;
	file->is_borrowed = true;
	return true;
}

bool module_file_map(struct module_file *file, const char *path, struct error *err)
{
	int fd = module_file_open(file, path, err);
	return fd >= 0 && module_file_take(file, fd, NULL, err);
}

bool module_file_decode(struct module_file *file, const struct load_rules *rules,
                        const struct module_parts *parts, struct error *err)
{
	static const uint8_t nothing[1];
	const struct module_options options = load_rules_options(rules);

	file->module =
	    module_load_again(file->size > 0 ? file->bytes : nothing, file->size, &options, parts, err);
	return file->module != NULL;
}

bool module_file_load(struct module_file *file, const char *path, const struct load_rules *rules,
                      struct error *err)
{
	return module_file_map(file, path, err) && module_file_decode(file, rules, NULL, err);
}

void module_file_clear(struct module_file *file)
{
	module_destroy(file->module);
	if (file->bytes != NULL && !file->is_borrowed)
		munmap((void *)(uintptr_t)file->bytes, file->size);
	*file = (struct module_file){0};
}
