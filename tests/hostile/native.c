/* A worker parent as the shipped one, whose workers run native code in the interpreter's place,
 * behind the wall of every step (plugin/confine.h): what a module could do that broke out of the
 * interpreter. Started by test_native. A worker's arguments come through descriptor 3, each ended
 * by a NUL: the attempt's name, its own directory, another step's, the server's process id. It
 * prints the errno. */
#include "caps/cleanup.h"
#include "plugin/confine.h"
#include "plugin/order.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

extern char **environ;

static struct {
	const char *attempt, *own, *other;
	pid_t server;
} args;

/* errno of a call that answers below 0 when it fails. */
static int failure(long answer)
{
	return answer < 0 ? errno : 0;
}

static const char *in(const char *directory, const char *name)
{
	static char paths[2][4096];
	static int turn;
	turn = !turn;
	snprintf(paths[turn], sizeof paths[turn], "%s/%s", directory, name);
	return paths[turn];
}

static int open_for(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	int answer = failure(fd);
	if (fd >= 0)
		close(fd);
	return answer;
}

static const char *of_server(const char *file)
{
	static char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)args.server, file);
	return path;
}

/* ---- files ---- */

static int read_host_file(void)
{
	return open_for("/etc/passwd", O_RDONLY);
}

static int list_host_directory(void)
{
	return open_for("/", O_RDONLY | O_DIRECTORY);
}

static int create_host_file(void)
{
	return open_for("/tmp/tiphys-hostile-created", O_WRONLY | O_CREAT);
}

static int read_other_step(void)
{
	return open_for(in(args.other, "secret"), O_RDONLY);
}

static int remove_other_step(void)
{
	return failure(unlinkat(AT_FDCWD, in(args.other, "secret"), 0));
}

static int rename_into_other_step(void)
{
	return failure(
	    renameat2(AT_FDCWD, in(args.own, "mine"), AT_FDCWD, in(args.other, "secret"), 0));
}

static int link_other_step(void)
{
	return failure(linkat(AT_FDCWD, in(args.other, "secret"), AT_FDCWD, in(args.own, "got"), 0));
}

static int read_own_memory_file(void)
{
	return open_for("/proc/self/mem", O_RDWR);
}

static int read_parent_memory(void)
{
	return open_for(of_server("mem"), O_RDONLY);
}

static int read_parent_environment(void)
{
	return open_for(of_server("environ"), O_RDONLY);
}

static int make_fifo(void)
{
	return failure(mkfifo(in(args.own, "fifo"), 0600));
}

static int change_mode(void)
{
	return failure(chmod(in(args.own, "mine"), 04755));
}

static int change_owner(void)
{
	return failure(chown(in(args.own, "mine"), 0, 0));
}

static int mount_something(void)
{
	return failure(syscall(SYS_mount, "none", args.own, "tmpfs", 0L, NULL));
}

static int change_root(void)
{
	return failure(chroot(args.own));
}

static int open_by_handle(void)
{
	struct file_handle handle = {.handle_bytes = 0};
	return failure(open_by_handle_at(AT_FDCWD, &handle, O_RDONLY));
}

static int watch_files(void)
{
	return failure(syscall(SYS_inotify_init1, 0));
}

/* ---- network ---- */

static int make_socket(void)
{
	return failure(socket(AF_INET, SOCK_STREAM, 0));
}

static int make_unix_socket(void)
{
	return failure(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int make_netlink_socket(void)
{
	return failure(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int connect_on_stdin(void)
{
	struct sockaddr address = {.sa_family = AF_UNIX};
	return failure(connect(0, &address, sizeof address));
}

/* ---- processes ---- */

static int fork_itself(void)
{
	return failure(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
}

static int vfork_itself(void)
{
	pid_t pid = vfork();
	if (pid == 0)
		_exit(0);
	return failure(pid);
}

static int start_thread(void)
{
	return failure(syscall(SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, NULL, NULL, NULL));
}

static int clone3_itself(void)
{
	uint64_t args_of_clone[8] = {0};
	return failure(syscall(SYS_clone3, args_of_clone, sizeof args_of_clone));
}

static int execute(void)
{
	char *const argv[] = {"sh", NULL};
	return failure(execve("/bin/sh", argv, environ));
}

static int execute_by_descriptor(void)
{
	char *const argv[] = {"sh", NULL};
	return failure(syscall(SYS_execveat, 0, "", argv, environ, AT_EMPTY_PATH));
}

static int trace_parent(void)
{
	return failure(ptrace(PTRACE_ATTACH, args.server, NULL, NULL));
}

static int let_itself_be_traced(void)
{
	return failure(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int read_parent_by_call(void)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {&args, 1};
	return failure(process_vm_readv(args.server, &here, 1, &there, 1, 0));
}

static int write_parent_by_call(void)
{
	char byte = 0;
	struct iovec here = {&byte, 1}, there = {&args, 1};
	return failure(process_vm_writev(args.server, &here, 1, &there, 1, 0));
}

static int signal_parent(void)
{
	return failure(kill(args.server, SIGTERM));
}

static int signal_parent_thread(void)
{
	return failure(syscall(SYS_tgkill, args.server, args.server, SIGTERM));
}

static int signal_everyone(void)
{
	return failure(kill(-1, 0));
}

static int signal_by_queue(void)
{
	return failure(sigqueue(args.server, SIGTERM, (union sigval){0}));
}

static int open_parent_descriptor(void)
{
	return failure(syscall(SYS_pidfd_open, args.server, 0));
}

/* ---- memory ---- */

static int map(int protection, int flags)
{
	void *at = mmap(NULL, 4096, protection, flags | MAP_ANONYMOUS, -1, 0);
	return at == MAP_FAILED ? errno : 0;
}

static int map_executable(void)
{
	return map(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE);
}

static int make_executable(void)
{
	static char page[8192];
	char *start = (char *)(((uintptr_t)page + 4095) & ~(uintptr_t)4095);
	return failure(mprotect(start, 4096, PROT_READ | PROT_EXEC));
}

static int map_shared(void)
{
	return map(PROT_READ | PROT_WRITE, MAP_SHARED);
}

static int anonymous_file(void)
{
	return failure(memfd_create("x", 0));
}

static int system_v_memory(void)
{
	return failure(syscall(SYS_shmget, 0, 4096L, 01600));
}

/* ---- privileges ---- */

static int leave_namespaces(void)
{
	return failure(unshare(CLONE_NEWUSER));
}

static int join_namespace(void)
{
	return failure(setns(0, 0));
}

static int become_root(void)
{
	return failure(syscall(SYS_setuid, 0));
}

static int take_capabilities(void)
{
	uint32_t header[2] = {0x20080522, 0}, sets[6] = {~0u, ~0u, ~0u, ~0u, ~0u, ~0u};
	return failure(syscall(SYS_capset, header, sets));
}

static int raise_limits(void)
{
	const struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
	return failure(setrlimit(RLIMIT_DATA, &limit));
}

static int become_dumpable(void)
{
	return failure(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int add_filter(void)
{
	return failure(syscall(SYS_seccomp, 0, 0, NULL));
}

/* ---- the kernel ---- */

static int load_bpf(void)
{
	union bpf_attr attr = {0};
	return failure(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr));
}

static int use_io_uring(void)
{
	char params[256] = {0};
	return failure(syscall(SYS_io_uring_setup, 4, params));
}

static int use_userfaultfd(void)
{
	return failure(syscall(SYS_userfaultfd, 0));
}

static int use_perf(void)
{
	struct perf_event_attr attr = {.size = sizeof attr};
	return failure(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static int use_keyring(void)
{
	return failure(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -3, 0));
}

static int load_module(void)
{
	return failure(syscall(SYS_finit_module, 0, "", 0));
}

static int set_clock(void)
{
	struct timespec now = {0};
	return failure(clock_settime(CLOCK_REALTIME, &now));
}

static int reboot_machine(void)
{
	/* Without the magic numbers: where the filter let it through it would be refused, not done. */
	return failure(syscall(SYS_reboot, 0, 0, 0, NULL));
}

static int push_terminal_input(void)
{
	char key = 'x';
	return failure(ioctl(2, TIOCSTI, &key));
}

static int own_signals_on_descriptor(void)
{
	return failure(fcntl(0, F_SETOWN, args.server));
}

static int call_of_x32(void)
{
#ifdef __x86_64__
	return failure(syscall(0x40000000 | SYS_getpid));
#else
	return failure(syscall(1L << 20));
#endif
}

/* getpid() by its 32-bit number: an int 0x80 enters the kernel as i386 does. */
static int call_of_i386(void)
{
#ifdef __x86_64__
	long answer;
	__asm__ volatile("int $0x80" : "=a"(answer) : "a"(20L) : "memory");
	return answer < 0 ? (int)-answer : 0;
#else
	return failure(syscall(1L << 20));
#endif
}

static int unknown_call(void)
{
	return failure(syscall(4000));
}

/* ---- limits ---- */

#define MIB ((size_t)1 << 20)

static int take_memory(void)
{
	for (size_t i = 0; i < 4096; i++) {
		char *at = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED)
			return errno;
		*at = 1;
	}
	return 0;
}

static int take_descriptors(void)
{
	for (int i = 0; i < 100000; i++)
		if (fcntl(0, F_DUPFD_CLOEXEC, 0) < 0)
			return errno;
	return 0;
}

/* Beside its four and the directory that it was granted. */
static int look_for_descriptors(void)
{
	int found = 0;
	for (int fd = 4; fd < 1024; fd++) {
		struct stat st;
		found += fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode);
	}
	return found;
}

static int look_at_environment(void)
{
	return environ[0] != NULL;
}

static int run_forever(void)
{
	for (volatile int forever = 1; forever;)
		;
	return 0;
}

/* ---- its end ---- */

static int say_end_and_run_on(void)
{
	int fd = open(in(args.own, "lie"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	worker_say_end(&(struct run_end){.status = 0});
	for (volatile int forever = 1; forever;) {
		if (write(fd, "more", 4) < 0 || write(STDOUT_FILENO, "more", 4) < 0)
			return errno;
	}
	return 0;
}

static int say_nonsense_and_run_on(void)
{
	const struct worker_word word = {.mark = WORKER_WORD_MARK, .status = 256};
	if (write(JOB_SOCKET, &word, sizeof word) < 0 || write(JOB_SOCKET, &word, 3) < 0)
		return errno;
	return run_forever();
}

/* ---- the worker ---- */

static const struct {
	const char *name;
	int (*function)(void);
} natives[] = {
#define NATIVE(name, expected, sentence) {#name, name},
#include "tests/hostile/natives.def"
#undef NATIVE
};

static char text[16384];

static bool read_args(void)
{
	size_t used = 0;
	ssize_t got;
	while ((got = read(JOB_SOCKET, text + used, sizeof text - 1 - used)) > 0)
		used += (size_t)got;
	const char *words[4];
	const char *at = text;
	for (int i = 0; i < 4; i++, at += strlen(at) + 1) {
		if (at >= text + used)
			return false;
		words[i] = at;
	}
	args.attempt = words[0];
	args.own = words[1];
	args.other = words[2];
	args.server = (pid_t)atoi(words[3]);
	return true;
}

static bool enter(const struct worker_terms *terms, uint64_t time_ms, struct error *err)
{
	struct confinement confinement = {.terms = terms, .time_ms = time_ms};
	const struct run_needs needs = {.module_bytes = 1 << 20, .memory_bytes = 64 * MIB};
	struct caps *caps = caps_create();
	if (caps == NULL || caps_grant_dir(caps, args.own, "/work", CAPS_READ_WRITE) < 0)
		return error_set(err, ERROR_SYSTEM, "no grants");
	return confine(&confinement, caps, &needs, err);
}

static int work(const struct worker_terms *terms, const struct worker_job *job)
{
	struct error err = ERROR_INIT;
	if (!read_args() || !enter(terms, job->time_ms, &err)) {
		printf("not confined: %s\n", err.message);
		return 1;
	}
	for (size_t i = 0; i < sizeof natives / sizeof natives[0]; i++) {
		if (strcmp(natives[i].name, args.attempt) == 0) {
			printf("trying\n");
			fflush(stdout);
			printf("answer %d\n", natives[i].function());
			return 0;
		}
	}
	printf("there is no attempt %s\n", args.attempt);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "worker-parent") != 0)
		return 2;
	const struct worker_work hostile = {.run = work};
	return worker_parent(&hostile, true);
}
