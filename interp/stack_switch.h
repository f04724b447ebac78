/* Inside interp/: tells ASan when a run leaves the thread's stack for the store's own and comes
 * back, and when an exception jumps over frames of C code there, whose marks must go. Nothing
 * without it. */
#ifndef INTERP_STACK_SWITCH_H
#define INTERP_STACK_SWITCH_H

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STACK_SWITCH_IS_TOLD 1
#endif
#endif

/* Of the stack that was left. */
struct stack_switch {
	void *kept;
	const void *bottom;
	size_t size;
};

/* Of the store's own stack, between its runs: where ASan has the variables of its frames is made
 * once, for making it takes longer than most runs. */
struct stack_own {
	void *kept;
};

#ifdef STACK_SWITCH_IS_TOLD

#include <sanitizer/asan_interface.h>

/* The switching function has no frame of its own that a jump over it could leave marked. */
#define STACK_SWITCHER __attribute__((no_sanitize("address"), noinline))

static inline void stack_leave(struct stack_switch *left, const void *bottom, size_t size)
{
	__sanitizer_start_switch_fiber(&left->kept, bottom, size);
}

/* The first thing on the new stack. */
static inline void stack_left(struct stack_switch *left, struct stack_own *own)
{
	__sanitizer_finish_switch_fiber(own->kept, &left->bottom, &left->size);
}

/* Also right after a jump back to the stack that was left. */
static inline void stack_return(struct stack_switch *left, struct stack_own *own)
{
	__sanitizer_start_switch_fiber(&own->kept, left->bottom, left->size);
}

static inline void stack_returned(struct stack_switch *left)
{
	__sanitizer_finish_switch_fiber(left->kept, NULL, NULL);
}

static inline void stack_jump(void)
{
	__asan_handle_no_return();
}

/* The own stack is not used again, which ASan can be told of only as if there: so there are no
 * frames of its making until it is back. */
STACK_SWITCHER static inline void stack_end(struct stack_own *own, const void *bottom, size_t size)
{
	struct stack_switch left;
	if (own->kept == NULL)
		return;
	__sanitizer_start_switch_fiber(&left.kept, bottom, size);
	__sanitizer_finish_switch_fiber(own->kept, &left.bottom, &left.size);
	__sanitizer_start_switch_fiber(NULL, left.bottom, left.size);
	__sanitizer_finish_switch_fiber(left.kept, NULL, NULL);
	own->kept = NULL;
}

#else

#define STACK_SWITCHER

static inline void stack_leave(struct stack_switch *left, const void *bottom, size_t size)
{
	(void)left, (void)bottom, (void)size;
}

static inline void stack_left(struct stack_switch *left, struct stack_own *own)
{
	(void)left, (void)own;
}

static inline void stack_return(struct stack_switch *left, struct stack_own *own)
{
	(void)left, (void)own;
}

static inline void stack_returned(struct stack_switch *left)
{
	(void)left;
}

static inline void stack_jump(void)
{
}

static inline void stack_end(struct stack_own *own, const void *bottom, size_t size)
{
	(void)own, (void)bottom, (void)size;
}

#endif

#endif
