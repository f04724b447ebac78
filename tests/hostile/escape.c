/* A guest that tries to get out, by every way of attempts.def. For each: a line with the answer,
 * the expected one, and the sentence. Whatever it could read of a file that is not its own it
 * prints too, so that the host's test finds it. */
#include "tests/hostile/guest_wasi.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define RW 3u
#define RO 4u
#define ADDRESS(of) ((uint32_t)(uintptr_t)(of))
#define P(text) ADDRESS(text), (uint32_t)strlen(text)
#define OUT ADDRESS(&out)

struct vector {
	uint32_t at, len;
};

static uint32_t out;
static char buffer[4096];
static struct vector vectors[4];

/* ---- single calls ---- */

static uint32_t open_with(uint32_t dir, const char *path, uint32_t lookup, uint32_t oflags,
                          uint64_t rights)
{
	return wasi_path_open(dir, lookup, P(path), oflags, rights, rights, 0, OUT);
}

/* The new descriptor; UINT32_MAX when there is none. */
static uint32_t opened(uint32_t answer)
{
	return answer == 0 ? out : UINT32_MAX;
}

static uint32_t open_file(const char *path)
{
	return opened(open_with(RW, path, FOLLOW, 0, ALL_RIGHTS));
}

static uint32_t read_vector(uint32_t at, uint32_t len)
{
	uint32_t fd = open_file("file");
	vectors[0] = (struct vector){at, len};
	uint32_t answer = wasi_fd_read(fd, ADDRESS(vectors), 1, OUT);
	wasi_fd_close(fd);
	return answer;
}

static void show(uint32_t fd)
{
	vectors[0] = (struct vector){ADDRESS(buffer), sizeof buffer};
	if (wasi_fd_read(fd, ADDRESS(vectors), 1, OUT) == 0)
		printf("read: %.*s\n", (int)out, buffer);
}

static uint32_t read_file(uint32_t dir, const char *path)
{
	uint32_t answer = open_with(dir, path, FOLLOW, 0, RIGHT_READ);
	uint32_t fd = opened(answer);
	if (answer == 0) {
		show(fd);
		wasi_fd_close(fd);
	}
	return answer;
}

static uint32_t open_nofollow(const char *path)
{
	return open_with(RW, path, 0, 0, RIGHT_READ);
}

static uint32_t open_dir(uint32_t dir, const char *path)
{
	return open_with(dir, path, FOLLOW, O_DIRECTORY_, DIR_RIGHTS);
}

static uint32_t open_dir_nofollow(const char *path)
{
	return open_with(RW, path, 0, O_DIRECTORY_, DIR_RIGHTS);
}

static uint32_t create(uint32_t dir, const char *path, uint32_t lookup)
{
	return open_with(dir, path, lookup, O_CREATE, RIGHT_WRITE);
}

static uint32_t truncate_file(const char *path)
{
	return open_with(RW, path, FOLLOW, O_TRUNCATE, RIGHT_WRITE);
}

static uint32_t stat_file(const char *path, uint32_t lookup)
{
	return wasi_path_filestat_get(RW, lookup, P(path), ADDRESS(buffer));
}

static uint32_t touch(const char *path, uint32_t lookup)
{
	return wasi_path_filestat_set_times(RW, lookup, P(path), 1, 1, 5);
}

static uint32_t read_link(const char *path)
{
	return wasi_path_readlink(RW, P(path), ADDRESS(buffer), sizeof buffer, OUT);
}

static uint32_t rename_(uint32_t from, const char *path, uint32_t to, const char *new_path)
{
	return wasi_path_rename(from, P(path), to, P(new_path));
}

static uint32_t link_(const char *path, uint32_t lookup, const char *new_path)
{
	return wasi_path_link(RW, lookup, P(path), RW, P(new_path));
}

static uint32_t write_vector(uint32_t at, uint32_t len)
{
	vectors[0] = (struct vector){at, len};
	return wasi_fd_write(1, ADDRESS(vectors), 1, OUT);
}

static uint32_t write_two_vectors(uint32_t first, uint32_t second)
{
	vectors[0] = (struct vector){0, first};
	vectors[1] = (struct vector){0, second};
	return wasi_fd_write(1, ADDRESS(vectors), 2, OUT);
}

static uint32_t read_stdin(void)
{
	vectors[0] = (struct vector){ADDRESS(buffer), sizeof buffer};
	return wasi_fd_read(0, ADDRESS(vectors), 1, OUT);
}

static uint32_t list(uint64_t cookie, uint32_t len)
{
	return wasi_fd_readdir(RW, ADDRESS(buffer), len, cookie, OUT);
}

/* Of each size that holds no whole entry: what lies behind the room must stay. */
static uint32_t list_into_few(void)
{
	for (uint32_t len = 0; len < 24; len++) {
		memset(buffer, 0x55, 64);
		uint32_t answer = list(0, len);
		if (answer != 0)
			return answer;
		bool is_untouched = out <= len;
		for (uint32_t i = len; i < 64; i++)
			is_untouched = is_untouched && buffer[i] == 0x55;
		if (!is_untouched)
			return UINT32_MAX;
	}
	return 0;
}

static uint32_t read_over_vectors(void)
{
	uint32_t fd = open_file("file");
	vectors[0] = (struct vector){ADDRESS(vectors), 2};
	vectors[1] = (struct vector){ADDRESS(buffer), 2};
	uint32_t answer = wasi_fd_read(fd, ADDRESS(vectors), 2, OUT);
	wasi_fd_close(fd);
	return answer;
}

static uint32_t move_into_itself(void)
{
	wasi_path_create_directory(RW, P("outer"));
	wasi_path_create_directory(RW, P("outer/inner"));
	wasi_path_symlink(P("outer/inner"), RW, P("to-inner"));
	return rename_(RW, "outer", RW, "to-inner/new");
}

static uint32_t link_the_link(void)
{
	uint32_t answer = link_("to-secret", 0, "second");
	return answer != 0 ? UINT32_MAX : read_file(RW, "second");
}

static uint32_t renumber_onto_itself(void)
{
	uint32_t answer = wasi_fd_renumber(RW, RW);
	if (answer != 0 || stat_file("file", 0) != 0)
		return UINT32_MAX;
	return read_file(RW, "../outside/secret");
}

static uint32_t send_to_directory(void)
{
	vectors[0] = (struct vector){ADDRESS(buffer), 16};
	return wasi_sock_send(RW, ADDRESS(vectors), 1, 0, OUT);
}

/* ---- calls on a file that is opened for it ---- */

static uint32_t pread_at(uint64_t offset)
{
	uint32_t fd = open_file("file");
	vectors[0] = (struct vector){ADDRESS(buffer), 16};
	uint32_t answer = wasi_fd_pread(fd, ADDRESS(vectors), 1, offset, OUT);
	wasi_fd_close(fd);
	return answer;
}

static uint32_t pwrite_at(uint64_t offset)
{
	uint32_t fd = open_file("file");
	vectors[0] = (struct vector){ADDRESS(buffer), 16};
	uint32_t answer = wasi_fd_pwrite(fd, ADDRESS(vectors), 1, offset, OUT);
	wasi_fd_close(fd);
	return answer;
}

static uint32_t seek_to(int64_t offset, uint32_t whence)
{
	uint32_t fd = open_file("file");
	uint32_t answer = wasi_fd_seek(fd, offset, whence, ADDRESS(buffer));
	wasi_fd_close(fd);
	return answer;
}

static uint32_t allocate(uint64_t offset, uint64_t len)
{
	uint32_t fd = open_file("file");
	uint32_t answer = wasi_fd_allocate(fd, offset, len);
	wasi_fd_close(fd);
	return answer;
}

static uint32_t resize(uint64_t size)
{
	uint32_t fd = open_file("file");
	uint32_t answer = wasi_fd_filestat_set_size(fd, size);
	wasi_fd_close(fd);
	return answer;
}

static uint32_t socket_call_on_file(void)
{
	uint32_t fd = open_file("file");
	vectors[0] = (struct vector){ADDRESS(buffer), 16};
	uint32_t answer = wasi_sock_recv(fd, ADDRESS(vectors), 1, 0, OUT, ADDRESS(buffer));
	wasi_fd_close(fd);
	return answer;
}

static uint32_t write_to_read_only(void)
{
	uint32_t fd = opened(open_with(RO, "file", FOLLOW, 0, RIGHT_READ));
	vectors[0] = (struct vector){ADDRESS("changed"), 7};
	uint32_t answer = wasi_fd_write(fd, ADDRESS(vectors), 1, OUT);
	wasi_fd_close(fd);
	return answer;
}

/* With every right that a file of /ro can be opened with. */
static uint32_t open_read_only(void)
{
	return opened(open_with(RO, "file", FOLLOW, 0, DIR_RIGHTS));
}

static uint32_t resize_read_only(void)
{
	uint32_t fd = open_read_only();
	uint32_t answer = wasi_fd_filestat_set_size(fd, 0);
	wasi_fd_close(fd);
	return answer;
}

static uint32_t touch_read_only(void)
{
	uint32_t fd = open_read_only();
	uint32_t answer = wasi_fd_filestat_set_times(fd, 1, 1, 5);
	wasi_fd_close(fd);
	return answer;
}

/* ---- more than one call ---- */

static uint32_t read_below_dir(const char *path)
{
	uint32_t dir = opened(open_dir(RW, "dir"));
	uint32_t answer = read_file(dir, path);
	wasi_fd_close(dir);
	return answer;
}

static uint32_t path_below_file(void)
{
	uint32_t fd = open_file("file");
	uint32_t answer = read_file(fd, "x");
	wasi_fd_close(fd);
	return answer;
}

static uint32_t own_link(const char *target, const char *path)
{
	uint32_t answer = wasi_path_symlink(P(target), RW, P(path));
	if (answer != 0)
		return answer;
	answer = read_file(RW, path);
	wasi_path_unlink_file(RW, P(path));
	return answer;
}

/* deep/er/up points to /rw; a level higher the same words point to its parent. */
static uint32_t move_then_follow(void)
{
	wasi_path_create_directory(RW, P("deep"));
	wasi_path_create_directory(RW, P("deep/er"));
	uint32_t answer = wasi_path_symlink(P("../.."), RW, P("deep/er/up"));
	if (answer == 0)
		answer = read_file(RW, "deep/er/up/file");
	if (answer == 0)
		answer = rename_(RW, "deep/er", RW, "moved");
	if (answer != 0) {
		printf("the link could not be laid: %" PRIu32 "\n", answer);
		return 0;
	}
	return read_file(RW, "moved/up/outside/secret");
}

/* A descriptor stays what it was opened as, whatever comes to stand at its path. */
static uint32_t swap_while_open(void)
{
	wasi_path_create_directory(RW, P("swap"));
	uint32_t fd = opened(create(RW, "swap/secret", 0));
	wasi_fd_close(fd);
	uint32_t dir = opened(open_dir(RW, "swap"));
	rename_(RW, "swap", RW, "swapped");
	wasi_path_symlink(P("to-outside"), RW, P("swap"));
	uint32_t answer = read_file(dir, "secret");
	wasi_fd_close(dir);
	return answer;
}

static uint32_t climb_through_link(void)
{
	wasi_path_symlink(P("dir"), RW, P("to-dir"));
	return own_link("to-dir/../../outside/secret", "mine-climbs");
}

static uint32_t long_path(size_t len, bool with_slashes)
{
	static char path[8192];
	memset(path, 'a', len);
	for (size_t i = 1; with_slashes && i < len; i += 2)
		path[i] = '/';
	path[len] = '\0';
	return read_file(RW, path);
}

/* Renumbering onto and from granted directories is allowed (wasi-libc's dup2 does it); what stands
 * at a number then must be what was moved there, with its own rights. */
static uint32_t move_read_only(void)
{
	uint32_t to = open_file("file");
	uint32_t answer = wasi_fd_renumber(RO, to);
	return answer != 0 ? answer : create(to, "new", 0);
}

static uint32_t file_at_preopen(void)
{
	uint32_t dir = opened(open_dir(RW, "dir")), fd = open_file("file");
	uint32_t answer = wasi_fd_renumber(fd, dir);
	if (answer == 0)
		answer = wasi_fd_renumber(dir, RW);
	return answer != 0 ? answer : read_file(RW, "../outside/secret");
}

static uint32_t closed_preopen(void)
{
	wasi_fd_close(RW);
	return read_file(RW, "file");
}

static uint32_t take_rights_back(void)
{
	uint32_t fd = opened(open_with(RW, "file", FOLLOW, 0, RIGHT_READ));
	uint32_t answer = wasi_fd_fdstat_set_rights(fd, RIGHT_READ | RIGHT_WRITE, 0);
	wasi_fd_close(fd);
	return answer;
}

static uint32_t open_without_right(void)
{
	uint32_t dir =
	    opened(wasi_path_open(RW, FOLLOW, P("dir"), O_DIRECTORY_, RIGHT_READ, ALL_RIGHTS, 0, OUT));
	uint32_t answer = create(dir, "new", 0);
	wasi_fd_close(dir);
	return answer;
}

static uint32_t inherit_more(void)
{
	uint32_t dir =
	    opened(wasi_path_open(RW, FOLLOW, P("dir"), O_DIRECTORY_, DIR_RIGHTS, RIGHT_READ, 0, OUT));
	uint32_t fd = opened(open_with(dir, "inner", FOLLOW, 0, RIGHT_READ | RIGHT_WRITE));
	vectors[0] = (struct vector){ADDRESS("changed"), 7};
	uint32_t answer = wasi_fd_write(fd, ADDRESS(vectors), 1, OUT);
	wasi_fd_close(fd);
	wasi_fd_close(dir);
	return answer;
}

/* ---- the table ---- */

static const char *name_of(uint32_t answer)
{
	switch (answer) {
#define X(name, number)                                                                            \
	case number:                                                                                   \
		return #name;
		ERRORS(X)
#undef X
	default:
		return NULL;
	}
}

static void tell(uint32_t answer, const char *expected, const char *sentence)
{
	const char *name = name_of(answer);
	if (name != NULL)
		printf("attempt: %s %s %s\n", name, expected, sentence);
	else
		printf("attempt: error-%" PRIu32 " %s %s\n", answer, expected, sentence);
}

int main(void)
{
#define ATTEMPT(sentence, expected, expression) tell(expression, #expected, sentence);
#include "tests/hostile/attempts.def"
#undef ATTEMPT
	return 0;
}
