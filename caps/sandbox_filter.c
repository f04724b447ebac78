/* The table of system calls as a program for the kernel's filter machine (seccomp(2), BPF).
 *
 * By hand and not by libseccomp: Debian builds that for glibc alone, and a worker is the static
 * executable on musl; a filter computed at build time would want a cross-built generator for each
 * processor, where here the compiler's own call numbers do. One table, one loop:
 *
 *     load arch; is it ours? else kill
 *     load nr
 *     for each row:  nr == row?  → its rule → allow
 *     kill
 *
 * It comes in one piece, or in two: one that lets the calls of an ancestor through too and is put
 * up once, and one that takes those away again:
 *
 *     load nr
 *     nr > the highest row?  → kill
 *     for each row of the ancestor's below:  nr == row?  → kill
 *     for each row whose rule names the process:  nr == row?  → its rule → allow
 *     allow
 *
 * Calls of another ABI (x32, i386) have other numbers or another arch, and so are in no row. */
#include "caps/sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#endif

#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000u
#endif

enum rule { ANY, DATA, PRIVATE_DATA, PLAIN_FCNTL, PLAIN_IOCTL, OWN_PROCESS, WORKER_CLONE };

struct call {
	uint32_t number;
	enum rule rule;
};

#define CALL(name) {SYS_##name, ANY},
#define CALL_IF(name, rule) {SYS_##name, rule},
static const struct call calls[] = {
#include "caps/sandbox_calls.def"
};
static const struct call ancestor_calls[] = {
#include "caps/sandbox_ancestor_calls.def"
};
#undef CALL
#undef CALL_IF

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Inherited by the children, as the filter is. */
static bool has_ancestor_filter;

/* What an argument must be. A rule is up to two of these. */
struct condition {
	unsigned arg;
	uint32_t forbidden; /* bits; 0: the value is one of those below */
	uint32_t values[6];
	unsigned value_count;
};

struct program {
	unsigned short size;
	struct sock_filter code[8 + 16 * (COUNT(calls) + COUNT(ancestor_calls))];
};

static void emit(struct program *program, struct sock_filter instruction)
{
	program->code[program->size++] = instruction;
}

/* The low half, which is first in memory on both processors. The kernel itself takes no more of
 * these arguments. */
static void load_arg(struct program *program, unsigned arg)
{
	uint32_t at = (uint32_t)(offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t));
	emit(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
}

static void emit_kill(struct program *program)
{
	emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
}

static void emit_condition(struct program *program, const struct condition *condition)
{
	load_arg(program, condition->arg);
	if (condition->forbidden != 0) {
		emit(program,
		     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, condition->forbidden, 0, 1));
		emit_kill(program);
		return;
	}
	for (unsigned i = 0; i < condition->value_count; i++) {
		uint8_t behind_kill = (uint8_t)(condition->value_count - i);
		emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, condition->values[i],
		                                           behind_kill, 0));
	}
	emit_kill(program);
}

static void emit_rule(struct program *program, enum rule rule)
{
	const uint32_t not_data = ~(uint32_t)(PROT_READ | PROT_WRITE);
	const struct condition data = {.arg = 2, .forbidden = not_data};
	const struct condition is_private = {.arg = 3, .forbidden = MAP_SHARED | MAP_GROWSDOWN};
	const struct condition plain_fcntl = {
	    .arg = 1,
	    .values = {F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL},
	    .value_count = 5};
	const struct condition plain_ioctl = {
	    .arg = 1, .values = {FIONREAD, TIOCGWINSZ, 0x5401 /* TCGETS */}, .value_count = 3};
	const struct condition own_process = {
	    .arg = 0, .values = {(uint32_t)getpid()}, .value_count = 1};
	const struct condition worker_clone = {
	    .arg = 0, .values = {CLONE_PARENT | SIGCHLD}, .value_count = 1};
	switch (rule) {
	case ANY:
		break;
	case PRIVATE_DATA:
		emit_condition(program, &is_private);
		emit_condition(program, &data);
		break;
	case DATA:
		emit_condition(program, &data);
		break;
	case PLAIN_FCNTL:
		emit_condition(program, &plain_fcntl);
		break;
	case PLAIN_IOCTL:
		emit_condition(program, &plain_ioctl);
		break;
	case OWN_PROCESS:
		emit_condition(program, &own_process);
		break;
	case WORKER_CLONE:
		emit_condition(program, &worker_clone);
		break;
	}
}

static void emit_allow(struct program *program)
{
	emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

static void load_number(struct program *program)
{
	const uint32_t at = offsetof(struct seccomp_data, nr);
	emit(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at));
}

/* What follows is for that call alone; end_call() says where it ends. */
static unsigned short begin_call(struct program *program, uint32_t number)
{
	emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 0));
	return (unsigned short)(program->size - 1);
}

static void end_call(struct program *program, unsigned short test)
{
	program->code[test].jf = (uint8_t)(program->size - test - 1);
}

/* Jumps to where land() says when the number compares so, and else goes on. */
static unsigned short jump(struct program *program, uint16_t comparison, uint32_t number)
{
	emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | comparison | BPF_K, number, 0, 0));
	return (unsigned short)(program->size - 1);
}

static void land(struct program *program, const unsigned short *jumps, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		program->code[jumps[i]].jt = (uint8_t)(program->size - jumps[i] - 1);
}

_Static_assert(COUNT(calls) + COUNT(ancestor_calls) < 128,
               "jumps reach the end of the second part");

/* For an ancestor, rules that name the process let every process through: its children's second
 * part has them. */
static void allow_calls(struct program *program, const struct call *rows, size_t count,
                        bool for_ancestor)
{
	for (size_t i = 0; i < count; i++) {
		unsigned short test = begin_call(program, rows[i].number);
		emit_rule(program, for_ancestor && rows[i].rule == OWN_PROCESS ? ANY : rows[i].rule);
		emit_allow(program);
		end_call(program, test);
	}
}

#ifdef OWN_ARCH

static void build(struct program *program, bool for_ancestor)
{
	const uint32_t arch = offsetof(struct seccomp_data, arch);
	emit(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arch));
	emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0));
	emit_kill(program);
	load_number(program);
	allow_calls(program, calls, COUNT(calls), for_ancestor);
	if (for_ancestor)
		allow_calls(program, ancestor_calls, COUNT(ancestor_calls), true);
	emit_kill(program);
}

/* What the first part kills need not be known here: only what it lets through for the ancestor's
 * sake. The kernel translates this part for each run, at more than a microsecond an instruction. */
static void build_second(struct program *program)
{
	unsigned short kills[COUNT(ancestor_calls) + 1], owns[COUNT(calls)];
	unsigned kill_count = 0, own_count = 0;
	uint32_t highest = 0;
	for (size_t i = 0; i < COUNT(calls); i++) {
		if (calls[i].number > highest)
			highest = calls[i].number;
	}
	load_number(program);
	kills[kill_count++] = jump(program, BPF_JGT, highest);
	for (size_t i = 0; i < COUNT(ancestor_calls); i++) {
		if (ancestor_calls[i].number <= highest)
			kills[kill_count++] = jump(program, BPF_JEQ, ancestor_calls[i].number);
	}
	for (size_t i = 0; i < COUNT(calls); i++) {
		if (calls[i].rule == OWN_PROCESS)
			owns[own_count++] = jump(program, BPF_JEQ, calls[i].number);
	}
	emit_allow(program);
	land(program, owns, own_count);
	emit_rule(program, OWN_PROCESS);
	emit_allow(program);
	land(program, kills, kill_count);
	emit_kill(program);
}

static int put_up(struct program *program)
{
	const struct sock_fprog filter = {.len = program->size, .filter = program->code};
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0)
		return 0;
	/* EINVAL: seccomp without filters. */
	return errno == EINVAL ? -ENOSYS : -errno;
}

int sandbox_filter_ancestor(void)
{
	struct program program;
	program.size = 0;
	build(&program, true);
	int failure = put_up(&program);
	has_ancestor_filter = failure == 0;
	return failure;
}

int sandbox_filter_calls(void)
{
	struct program program;
	program.size = 0;
	if (has_ancestor_filter)
		build_second(&program);
	else
		build(&program, false);
	return put_up(&program);
}

#else

int sandbox_filter_ancestor(void)
{
	(void)jump;
	(void)land;
	return -ENOSYS;
}

int sandbox_filter_calls(void)
{
	(void)load_number;
	(void)allow_calls;
	(void)has_ancestor_filter;
	return -ENOSYS;
}

#endif
