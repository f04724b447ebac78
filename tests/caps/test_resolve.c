/* Paths that try to leave the granted directory. Every case runs twice: resolved by the kernel and
 * by the component walk; what the guest may reach and what it is told must not differ. */
#include "tests/caps/fixture.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define ANY_ERROR 1 /* refused; the errno depends on who resolves */

struct path_case {
	const char *path;
	int expected; /* 0, a negative errno, or ANY_ERROR */
	bool no_follow, create, directory;
};

static const struct path_case cases[] = {
    /* what is allowed */
    {.path = "file", .expected = 0},
    {.path = ".", .expected = 0},
    {.path = "./file", .expected = 0},
    {.path = "dir", .expected = 0},
    {.path = "dir/", .expected = 0},
    {.path = "dir///", .expected = 0},
    {.path = "dir//file", .expected = 0},
    {.path = "dir/./file", .expected = 0},
    {.path = "dir/..", .expected = 0},
    {.path = "dir/../file", .expected = 0},
    {.path = "dir/deep/../../file", .expected = 0},
    {.path = "in", .expected = 0},
    {.path = "dirlink/file", .expected = 0},
    {.path = "dirlink/", .expected = 0},
    {.path = "dir/back", .expected = 0},
    {.path = "dirlink/back", .expected = 0},
    {.path = "dirlink/../file", .expected = 0},
    {.path = "chain1", .expected = 0},
    {.path = "dot", .expected = 0},
    /* out by ".." */
    {.path = "..", .expected = -EPERM},
    {.path = "../", .expected = -EPERM},
    {.path = "../secret", .expected = -EPERM},
    {.path = "./../secret", .expected = -EPERM},
    {.path = "dir/../../secret", .expected = -EPERM},
    {.path = "dir/deep/../../../secret", .expected = -EPERM},
    {.path = "dirlink/../../secret", .expected = -EPERM},
    {.path = "../root/file", .expected = -EPERM},
    {.path = "dir/../../root", .expected = -EPERM},
    /* out by an absolute path */
    {.path = "/", .expected = -EPERM},
    {.path = "/etc/passwd", .expected = -EPERM},
    {.path = "//etc/passwd", .expected = -EPERM},
    /* out by symlinks */
    {.path = "up", .expected = -EPERM},
    {.path = "up/", .expected = -EPERM},
    {.path = "up/secret", .expected = -EPERM},
    {.path = "up/root/file", .expected = -EPERM},
    {.path = "out", .expected = -EPERM},
    {.path = "out2", .expected = -EPERM},
    {.path = "dir/out", .expected = -EPERM},
    {.path = "dirlink/out", .expected = -EPERM},
    {.path = "abs", .expected = -EPERM},
    {.path = "absroot/etc/passwd", .expected = -EPERM},
    {.path = "absroot/", .expected = -EPERM},
    {.path = "absself", .expected = -EPERM},
    {.path = "viaup", .expected = -EPERM},
    {.path = "danglingout", .expected = -EPERM, .create = true},
    {.path = "absnew", .expected = -EPERM, .create = true},
    {.path = "up/created", .expected = -EPERM, .create = true},
    {.path = "../created", .expected = -EPERM, .create = true},
    /* a symlink as the last component that is not to be followed */
    {.path = "out", .expected = -ELOOP, .no_follow = true},
    {.path = "in", .expected = -ELOOP, .no_follow = true},
    {.path = "up", .expected = -ELOOP, .no_follow = true},
    {.path = "up/", .expected = -EPERM, .no_follow = true},
    {.path = "up", .expected = -ENOTDIR, .no_follow = true, .directory = true},
    {.path = "absroot/", .expected = -EPERM, .no_follow = true},
    /* dangling, loops, wrong kinds */
    {.path = "", .expected = -ENOENT},
    {.path = "missing", .expected = -ENOENT},
    {.path = "missing/..", .expected = -ENOENT},
    {.path = "missing/../../secret", .expected = ANY_ERROR},
    {.path = "dangling", .expected = -ENOENT},
    {.path = "dangling/", .expected = -ENOENT},
    {.path = "file/", .expected = -ENOTDIR},
    {.path = "file/.", .expected = -ENOTDIR},
    {.path = "file/..", .expected = -ENOTDIR},
    {.path = "file/../file", .expected = -ENOTDIR},
    {.path = "in/", .expected = -ENOTDIR},
    {.path = "file", .expected = -ENOTDIR, .directory = true},
    {.path = "new/", .expected = -EISDIR, .create = true},
    {.path = "dir", .expected = -EISDIR, .create = true},
    {.path = "loop", .expected = -ELOOP},
    {.path = "loop/", .expected = -ELOOP},
    {.path = "loopa/x", .expected = -ELOOP},
};

static void build_tree(const struct fixture *f)
{
	host_write(f, "secret", "secret");
	host_mkdir(f, "outside");
	host_write(f, "outside/file", "secret");
	host_write(f, "root/file", "inside");
	host_mkdir(f, "root/dir");
	host_mkdir(f, "root/dir/deep");
	host_write(f, "root/dir/file", "inside");
	host_symlink(f, "dir/file", "root/in");
	host_symlink(f, "dir", "root/dirlink");
	host_symlink(f, "../file", "root/dir/back");
	host_symlink(f, "chain2", "root/chain1");
	host_symlink(f, "dirlink/../in", "root/chain2");
	host_symlink(f, ".", "root/dot");
	host_symlink(f, "..", "root/up");
	host_symlink(f, "../secret", "root/out");
	host_symlink(f, "dir/../../secret", "root/out2");
	host_symlink(f, "../../secret", "root/dir/out");
	host_symlink(f, "/etc/passwd", "root/abs");
	host_symlink(f, "/", "root/absroot");
	host_symlink(f, f->root, "root/absself");
	host_symlink(f, "up/secret", "root/viaup");
	host_symlink(f, "../created", "root/danglingout");
	char target[PATH_MAX * 2];
	snprintf(target, sizeof(target), "%s/created", f->top);
	host_symlink(f, target, "root/absnew");
	host_symlink(f, "nothing", "root/dangling");
	host_symlink(f, "loop", "root/loop");
	host_symlink(f, "loopb", "root/loopa");
	host_symlink(f, "loopa", "root/loopb");
}

static void assert_outside_untouched(const struct fixture *f)
{
	assert_string_equal(host_read(f, "secret"), "secret");
	assert_string_equal(host_read(f, "outside/file"), "secret");
	assert_false(host_exists(f, "created"));
	assert_false(host_exists(f, "outside/created"));
}

static void paths_stay_below(void **state)
{
	struct fixture *f = *state;
	build_tree(f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct path_case *c = &cases[i];
		int fd = caps_path_open(f->caps, ROOT_FD, c->path,
		                        &(struct caps_open){.read = true,
		                                            .create = c->create,
		                                            .directory = c->directory,
		                                            .follow = !c->no_follow});
		int rc = fd < 0 ? fd : 0;
		if (c->expected == ANY_ERROR ? rc == 0 : rc != c->expected)
			fail_msg("\"%s\": got %d, expected %d", c->path, rc, c->expected);
		if (fd >= 0)
			assert_int_equal(caps_fd_close(f->caps, (uint32_t)fd), 0);
	}
	assert_outside_untouched(f);
}

/* Every operation that takes a path, on places that lie outside. */
static void operations_stay_below(void **state)
{
	struct fixture *f = *state;
	build_tree(f);
	static const char *const outside[] = {
	    "../secret", "../created", "up/secret",  "up/created", "dir/../../created",
	    "/etc/x",    "absroot/x",  "dir/../../", "up/",        "..",
	};
	const struct timespec times[2] = {{1, 0}, {1, 0}};
	struct caps *caps = f->caps;
	struct stat st;
	char buf[64];
	for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++) {
		const char *path = outside[i];
		for (int follow = 0; follow < 2; follow++) {
			assert_int_equal(caps_path_stat(caps, ROOT_FD, path, follow, &st), -EPERM);
			assert_int_equal(caps_path_set_times(caps, ROOT_FD, path, follow, times), -EPERM);
			assert_int_equal(caps_path_link(caps, ROOT_FD, path, follow, ROOT_FD, "l"), -EPERM);
		}
		assert_int_equal(caps_path_link(caps, ROOT_FD, "file", false, ROOT_FD, path),
		                 strcmp(path, "up/") == 0 ? -ENOTDIR : -EPERM);
		int rc = caps_path_mkdir(caps, ROOT_FD, path);
		assert_int_equal(rc, strcmp(path, "up/") == 0 ? -EEXIST : -EPERM);
		rc = caps_path_rmdir(caps, ROOT_FD, path);
		assert_int_equal(rc, strcmp(path, "up/") == 0 ? -ENOTDIR : -EPERM);
		rc = caps_path_unlink(caps, ROOT_FD, path);
		assert_int_equal(rc, strcmp(path, "up/") == 0 ? -ENOTDIR : -EPERM);
		rc = caps_path_rename(caps, ROOT_FD, path, ROOT_FD, "x");
		assert_int_equal(rc, strcmp(path, "up/") == 0 ? -ENOTDIR : -EPERM);
		rc = caps_path_rename(caps, ROOT_FD, "file", ROOT_FD, path);
		assert_int_equal(rc, strcmp(path, "up/") == 0 ? -ENOTDIR : -EPERM);
		rc = caps_path_symlink(caps, "t", ROOT_FD, path);
		assert_int_equal(rc, strcmp(path, "up/") == 0 ? -ENOTDIR : -EPERM);
		assert_true(caps_path_readlink(caps, ROOT_FD, path, buf, sizeof(buf)) == -EPERM);
	}
	/* Followed symlinks that lead out. */
	static const char *const links[] = {"out", "up", "abs", "dir/out", "viaup"};
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		assert_int_equal(caps_path_stat(caps, ROOT_FD, links[i], true, &st), -EPERM);
		assert_int_equal(caps_path_set_times(caps, ROOT_FD, links[i], true, times), -EPERM);
		assert_int_equal(caps_path_link(caps, ROOT_FD, links[i], true, ROOT_FD, "l"), -EPERM);
	}
	assert_outside_untouched(f);
}

/* The guest makes its own symlinks; following them stays below. */
static void guest_symlinks_stay_below(void **state)
{
	struct fixture *f = *state;
	build_tree(f);
	assert_int_equal(caps_path_symlink(f->caps, "/etc/passwd", ROOT_FD, "g1"), -EPERM);
	assert_int_equal(caps_path_symlink(f->caps, "../secret", ROOT_FD, "g2"), 0);
	assert_int_equal(open_read(f, "g2"), -EPERM);
	assert_int_equal(open_write(f, "g2"), -EPERM);
	assert_int_equal(caps_path_symlink(f->caps, "dir/deep/../../..", ROOT_FD, "g3"), 0);
	assert_int_equal(open_read(f, "g3/secret"), -EPERM);
	assert_int_equal(caps_path_symlink(f->caps, "g5", ROOT_FD, "g4"), 0);
	assert_int_equal(caps_path_symlink(f->caps, "../created", ROOT_FD, "g5"), 0);
	assert_int_equal(open_write(f, "g4"), -EPERM);
	assert_outside_untouched(f);
}

/* A directory opened by the guest is a root of its own: ".." does not leave it. */
static void subdirectories_are_roots(void **state)
{
	struct fixture *f = *state;
	build_tree(f);
	int dir = open_read(f, "dir");
	assert_true(dir > 3);
	struct caps_open how = {.read = true, .follow = true};
	assert_int_equal(caps_path_open(f->caps, (uint32_t)dir, "../file", &how), -EPERM);
	assert_int_equal(caps_path_open(f->caps, (uint32_t)dir, "back", &how), -EPERM);
	assert_true(caps_path_open(f->caps, (uint32_t)dir, "deep/../file", &how) > 3);
}

static void magic_links_are_refused(void **state)
{
	struct fixture *f = *state;
	build_tree(f);
	char secret[PATH_MAX * 2], by_fd[64];
	snprintf(secret, sizeof(secret), "%s/secret", f->top);
	cleanup_close int fd = open(secret, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	snprintf(by_fd, sizeof(by_fd), "self/fd/%d", fd);
	assert_int_equal(caps_grant_dir(f->caps, "/proc", "/proc", CAPS_READ_WRITE), 0);
	const char *const paths[] = {by_fd,        "self/exe", "self/root/etc/passwd",
	                             "self/cwd/x", "self/cwd", "thread-self/root",
	                             "self/root/"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		int rc = caps_path_open(f->caps, ROOT_FD + 1, paths[i],
		                        &(struct caps_open){.read = true, .follow = true});
		if (rc != -ELOOP && rc != -EPERM)
			fail_msg("%s: got %d", paths[i], rc);
	}
	/* An ordinary symlink of the same file system is none. */
	assert_true(caps_path_open(f->caps, ROOT_FD + 1, "self/status",
	                           &(struct caps_open){.read = true, .follow = true}) > 0);
}

static void lengths_are_bounded(void **state)
{
	struct fixture *f = *state;
	static char path[2 * CAPS_PATH_MAX];
	memset(path, 'a', 256);
	assert_int_equal(open_read(f, path), -ENAMETOOLONG);
	for (size_t i = 0; i < CAPS_PATH_MAX + 1; i++)
		path[i] = i % 2 ? '/' : '.';
	path[CAPS_PATH_MAX + 1] = '\0';
	assert_int_equal(open_read(f, path), -ENAMETOOLONG);
	path[CAPS_PATH_MAX] = '\0';
	int fd = open_read(f, path);
	assert_true(fd > 0);
	struct stat st;
	path[CAPS_PATH_MAX] = '/';
	assert_int_equal(caps_path_stat(f->caps, ROOT_FD, path, true, &st), -ENAMETOOLONG);
}

/* ---- races: another thread of the host changes what a path means all the while ---- */

struct race {
	char a[PATH_MAX * 2], b[PATH_MAX * 2];
	unsigned flags;
	atomic_bool stop;
};

static void *race_run(void *env)
{
	struct race *race = env;
	while (!race->stop) {
		renameat2(AT_FDCWD, race->a, AT_FDCWD, race->b, race->flags);
		renameat2(AT_FDCWD, race->b, AT_FDCWD, race->a, race->flags);
	}
	return NULL;
}

#define RACE_ROUNDS 5000

static void race(struct fixture *f, const char *a, const char *b, unsigned flags, const char *path)
{
	struct race race = {.flags = flags};
	snprintf(race.a, sizeof(race.a), "%s/%s", f->top, a);
	snprintf(race.b, sizeof(race.b), "%s/%s", f->top, b);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, race_run, &race), 0);
	int bad = 0;
	for (int i = 0; i < RACE_ROUNDS; i++) {
		int fd = open_read(f, path);
		if (fd < 0)
			continue;
		char text[16] = "";
		struct iovec iov = iov_of(text, sizeof(text) - 1);
		caps_fd_read(f->caps, (uint32_t)fd, &iov, 1);
		bad += strcmp(text, "inside") != 0;
		caps_fd_close(f->caps, (uint32_t)fd);
	}
	race.stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(bad, 0);
}

static void race_directory_with_symlink(void **state)
{
	struct fixture *f = *state;
	build_tree(f);
	host_symlink(f, "../outside", "root/swap");
	race(f, "root/dir", "root/swap", RENAME_EXCHANGE, "dir/file");
}

static void race_directory_moved_out(void **state)
{
	struct fixture *f = *state;
	build_tree(f);
	race(f, "root/dir/deep", "outside/deep", 0, "dir/deep/../../secret");
}

static int setup_kernel(void **state)
{
	caps_force_walk(false);
	return fixture_setup(state);
}

static int setup_walk(void **state)
{
	caps_force_walk(true);
	return fixture_setup(state);
}

#define BOTH(test)                                                                                 \
	{#test " (by the kernel)", test, setup_kernel, fixture_teardown, NULL},                        \
	{                                                                                              \
		#test " (by walking)", test, setup_walk, fixture_teardown, NULL                            \
	}

/* From now on openat2 answers `error`, whoever calls it. */
static void take_openat2_away(unsigned error)
{
	struct sock_filter filter[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0 ||
	    syscall(SYS_openat2, AT_FDCWD, ".", NULL, 0) != -1 || errno != (int)error) {
		printf("Bail out! no seccomp filter\n");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1)
		take_openat2_away(strcmp(argv[1], "ENOSYS") == 0 ? ENOSYS : EPERM);
	const struct CMUnitTest tests[] = {
	    BOTH(paths_stay_below),
	    BOTH(operations_stay_below),
	    BOTH(guest_symlinks_stay_below),
	    BOTH(subdirectories_are_roots),
	    BOTH(magic_links_are_refused),
	    BOTH(lengths_are_bounded),
	    BOTH(race_directory_with_symlink),
	    BOTH(race_directory_moved_out),
	};
	return cmocka_run_group_tests_name("caps/resolve", tests, NULL, NULL);
}
