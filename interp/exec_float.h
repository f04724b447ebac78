/* Inside interp/: the float operations that C has no operator for (spec: 4.3.3). */
#ifndef INTERP_EXEC_FLOAT_H
#define INTERP_EXEC_FLOAT_H

#include <stdint.h>
#include <string.h>

static inline uint32_t bits_of_f32(float x)
{
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

static inline uint64_t bits_of_f64(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

static inline float f32_of_bits(uint32_t bits)
{
	float x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

static inline double f64_of_bits(uint64_t bits)
{
	double x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

/* fmin and fmax of the spec: a NaN wins (the addition makes it quiet), -0 is less than +0. Equal
 * operands differ at most in the sign of zero, so their bits can be merged. */
static inline float f32_minimum(float x, float y)
{
	if (x != x || y != y)
		return x + y;
	return x == y ? f32_of_bits(bits_of_f32(x) | bits_of_f32(y)) : x < y ? x : y;
}

static inline float f32_maximum(float x, float y)
{
	if (x != x || y != y)
		return x + y;
	return x == y ? f32_of_bits(bits_of_f32(x) & bits_of_f32(y)) : x > y ? x : y;
}

static inline double f64_minimum(double x, double y)
{
	if (x != x || y != y)
		return x + y;
	return x == y ? f64_of_bits(bits_of_f64(x) | bits_of_f64(y)) : x < y ? x : y;
}

static inline double f64_maximum(double x, double y)
{
	if (x != x || y != y)
		return x + y;
	return x == y ? f64_of_bits(bits_of_f64(x) & bits_of_f64(y)) : x > y ? x : y;
}

/* These are one machine instruction on every processor that interp/meson.build compiles for, and it
 * makes a NaN quiet. The rounding mode is never changed: rint() rounds half to even. */
#define f32_ceiling(x) __builtin_ceilf(x)
#define f32_flooring(x) __builtin_floorf(x)
#define f32_truncating(x) __builtin_truncf(x)
#define f32_rounding(x) __builtin_rintf(x)
#define f64_ceiling(x) __builtin_ceil(x)
#define f64_flooring(x) __builtin_floor(x)
#define f64_truncating(x) __builtin_trunc(x)
#define f64_rounding(x) __builtin_rint(x)

#endif
