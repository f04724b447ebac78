/* Inside interp/: v128 and what op_simd.def computes on it (spec: 4.3.4).
 *
 * A v128 is a GNU vector; C's operators on the lane types below are already the machine's
 * instructions. For the rest there are two files with the same functions: exec_simd_x86.h (SSE4.2,
 * which every x86-64-v2 has) and exec_simd_portable.h (any processor; -DTIPHYS_PORTABLE_SIMD forces
 * it). Lane 0 stands first in memory on every machine that interp/ runs on: all are little-endian.
 */
#ifndef INTERP_EXEC_SIMD_H
#define INTERP_EXEC_SIMD_H

#include <stdint.h>

typedef int64_t v128 __attribute__((vector_size(16)));
typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef int8_t s8x16 __attribute__((vector_size(16)));
typedef uint16_t u16x8 __attribute__((vector_size(16)));
typedef int16_t s16x8 __attribute__((vector_size(16)));
typedef uint32_t u32x4 __attribute__((vector_size(16)));
typedef int32_t s32x4 __attribute__((vector_size(16)));
typedef uint64_t u64x2 __attribute__((vector_size(16)));
typedef int64_t s64x2 __attribute__((vector_size(16)));
typedef float f32x4 __attribute__((vector_size(16)));
typedef double f64x2 __attribute__((vector_size(16)));

/* Handlers must not call: a call would cost them all their registers. */
#define V_INLINE static inline __attribute__((always_inline))

/* From and to memory of any alignment. */
V_INLINE v128 v_read(const void *from)
{
	v128 x;
	__builtin_memcpy(&x, from, sizeof x);
	return x;
}

V_INLINE void v_write(void *to, v128 x)
{
	__builtin_memcpy(to, &x, sizeof x);
}

V_INLINE v128 v_splat8(uint8_t x)
{
	return (v128)(u8x16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}

V_INLINE v128 v_splat16(uint16_t x)
{
	return (v128)(u16x8){x, x, x, x, x, x, x, x};
}

V_INLINE v128 v_splat32(uint32_t x)
{
	return (v128)(u32x4){x, x, x, x};
}

V_INLINE v128 v_splat64(uint64_t x)
{
	return (v128)(u64x2){x, x};
}

V_INLINE v128 v_splat_f32(float x)
{
	return (v128)(f32x4){x, x, x, x};
}

V_INLINE v128 v_splat_f64(double x)
{
	return (v128)(f64x2){x, x};
}

/* Lane 0 of two; the other is 0. */
V_INLINE v128 v_of_u64(uint64_t x)
{
	return (v128)(u64x2){x, 0};
}

/* Bytes of x where the mask's bits are set, else of y. */
V_INLINE v128 v_choose(v128 mask, v128 x, v128 y)
{
	return (x & mask) | (y & ~mask);
}

/* 0xff in the `size` bytes from `at` on, 0 elsewhere. */
V_INLINE v128 v_window(unsigned size, unsigned at)
{
	static const uint8_t windows[4][32] = {
	    {[16] = 0xff},
	    {[16] = 0xff, 0xff},
	    {[16] = 0xff, 0xff, 0xff, 0xff},
	    {[16] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	};
	v128 window;
	__builtin_memcpy(&window, &windows[__builtin_ctz(size)][16 - at], sizeof window);
	return window;
}

/* x with one lane taken from y. */
V_INLINE v128 v_replace8(v128 x, v128 y, unsigned lane)
{
	return v_choose(v_window(1, lane), y, x);
}

V_INLINE v128 v_replace16(v128 x, v128 y, unsigned lane)
{
	return v_choose(v_window(2, 2 * lane), y, x);
}

V_INLINE v128 v_replace32(v128 x, v128 y, unsigned lane)
{
	return v_choose(v_window(4, 4 * lane), y, x);
}

V_INLINE v128 v_replace64(v128 x, v128 y, unsigned lane)
{
	return v_choose(v_window(8, 8 * lane), y, x);
}

V_INLINE v128 v_abs64(v128 x)
{
	v128 negative = x < 0;
	return (v128)((u64x2)(x ^ negative) - (u64x2)negative);
}

#if defined(__SSE4_2__) && !defined(TIPHYS_PORTABLE_SIMD)
#include "interp/exec_simd_x86.h"
#else
#include "interp/exec_simd_portable.h"
#endif

#endif
