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
 * Calls of another ABI (x32, i386) have other numbers or another arch, and so are in no row. */
#include "caps/sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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

enum rule { ANY, DATA, PRIVATE_DATA, PLAIN_FCNTL, PLAIN_IOCTL, OWN_PROCESS };

struct call {
	uint32_t number;
	enum rule rule;
};

static const struct call calls[] = {
#define CALL(name) {SYS_##name, ANY},
#define CALL_IF(name, rule) {SYS_##name, rule},
#include "caps/sandbox_calls.def"
#undef CALL
#undef CALL_IF
};

#define CALL_COUNT (sizeof calls / sizeof calls[0])

/* What an argument must be. A rule is up to two of these. */
struct condition {
	unsigned arg;
	uint32_t forbidden; /* bits; 0: the value is one of those below */
	uint32_t values[6];
	unsigned value_count;
};

struct program {
	struct sock_filter code[8 + 16 * CALL_COUNT];
	unsigned short size;
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
	}
}

#ifdef OWN_ARCH
static void build(struct program *program)
{
	const uint32_t arch = offsetof(struct seccomp_data, arch);
	const uint32_t number = offsetof(struct seccomp_data, nr);
	emit(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arch));
	emit(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0));
	emit_kill(program);
	emit(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number));
	for (size_t i = 0; i < CALL_COUNT; i++) {
		unsigned short test = program->size;
		emit(program,
		     (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 0));
		emit_rule(program, calls[i].rule);
		emit(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
		program->code[test].jf = (uint8_t)(program->size - test - 1);
	}
	emit_kill(program);
}
#endif

int sandbox_filter_calls(void)
{
#ifdef OWN_ARCH
	struct program program = {.size = 0};
	build(&program);
	const struct sock_fprog filter = {.len = program.size, .filter = program.code};
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0)
		return 0;
	/* EINVAL: seccomp without filters. */
	return errno == EINVAL ? -ENOSYS : -errno;
#else
	(void)emit_rule;
	return -ENOSYS;
#endif
}
