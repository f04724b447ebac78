#include "tests/caps/fixture.h"

#include <ftw.h>

static void setup(void **state, enum caps_access access)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	const char *tmp = getenv("TMPDIR");
	snprintf(f->top, sizeof(f->top), "%s/tiphys-caps-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->top));
	snprintf(f->root, sizeof(f->root), "%s/root", f->top);
	assert_int_equal(mkdir(f->root, 0777), 0);
	f->caps = caps_create();
	assert_non_null(f->caps);
	assert_int_equal(caps_grant_dir(f->caps, f->root, "/", access), 0);
	*state = f;
}

int fixture_setup(void **state)
{
	setup(state, CAPS_READ_WRITE);
	return 0;
}

int fixture_setup_read_only(void **state)
{
	setup(state, CAPS_READ_ONLY);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st, (void)flag, (void)at;
	return remove(path);
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	caps_destroy(f->caps);
	int rc = nftw(f->top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return rc;
}

static const char *host_path(const struct fixture *f, const char *path, char buf[PATH_MAX * 2])
{
	snprintf(buf, PATH_MAX * 2, "%s/%s", f->top, path);
	return buf;
}

void host_write(const struct fixture *f, const char *path, const char *text)
{
	char buf[PATH_MAX * 2];
	FILE *file = fopen(host_path(f, path, buf), "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

void host_mkdir(const struct fixture *f, const char *path)
{
	char buf[PATH_MAX * 2];
	assert_int_equal(mkdir(host_path(f, path, buf), 0777), 0);
}

void host_symlink(const struct fixture *f, const char *target, const char *path)
{
	char buf[PATH_MAX * 2];
	assert_int_equal(symlink(target, host_path(f, path, buf)), 0);
}

bool host_exists(const struct fixture *f, const char *path)
{
	char buf[PATH_MAX * 2];
	struct stat st;
	return lstat(host_path(f, path, buf), &st) == 0;
}

const char *host_read(const struct fixture *f, const char *path)
{
	static char text[4096];
	char buf[PATH_MAX * 2];
	FILE *file = fopen(host_path(f, path, buf), "r");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return text;
}
