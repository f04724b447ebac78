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

#ifdef STACK_SWITCH_IS_TOLD

#include <sanitizer/asan_interface.h>

/* The switching function has no frame of its own that a jump over it could leave marked. */
#define STACK_SWITCHER __attribute__((no_sanitize("address"), noinline))

static inline void stack_leave(struct stack_switch *left, const void *bottom, size_t size)
{
	__sanitizer_start_switch_fiber(&left->kept, bottom, size);
}

/* The first thing on the new stack. */
static inline void stack_left(struct stack_switch *left)
{
	__sanitizer_finish_switch_fiber(NULL, &left->bottom, &left->size);
}

/* Also right after a jump back to the stack that was left. */
static inline void stack_return(struct stack_switch *left)
{
	__sanitizer_start_switch_fiber(NULL, left->bottom, left->size);
}

static inline void stack_returned(struct stack_switch *left)
{
	__sanitizer_finish_switch_fiber(left->kept, NULL, NULL);
}

static inline void stack_jump(void)
{
	__asan_handle_no_return();
}

#else

#define STACK_SWITCHER

static inline void stack_leave(struct stack_switch *left, const void *bottom, size_t size)
{
	(void)left, (void)bottom, (void)size;
}

static inline void stack_left(struct stack_switch *left)
{
	(void)left;
}

static inline void stack_return(struct stack_switch *left)
{
	(void)left;
}

static inline void stack_returned(struct stack_switch *left)
{
	(void)left;
}

static inline void stack_jump(void)
{
}

#endif

#endif
