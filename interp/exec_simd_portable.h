/* Inside interp/, for exec_simd.h alone: v128 in plain C, a lane at a time. The lanes are
 * independent and their number is fixed, so a compiler makes vector code of much of this. */
#include "interp/exec_float.h"

/* r[i] = expression for every lane i; x and y as vectors of `type`. */
#define V_EACH1(name, type, result, expression)                                                    \
	V_INLINE v128 name(v128 vx)                                                                    \
	{                                                                                              \
		type x = (type)vx;                                                                         \
		result r;                                                                                  \
		for (unsigned i = 0; i < sizeof r / sizeof r[0]; i++)                                      \
			r[i] = expression;                                                                     \
		return (v128)r;                                                                            \
	}
#define V_EACH2(name, type, result, expression)                                                    \
	V_INLINE v128 name(v128 vx, v128 vy)                                                           \
	{                                                                                              \
		type x = (type)vx;                                                                         \
		type y = (type)vy;                                                                         \
		result r;                                                                                  \
		for (unsigned i = 0; i < sizeof r / sizeof r[0]; i++)                                      \
			r[i] = expression;                                                                     \
		return (v128)r;                                                                            \
	}

/* ---- lanes ---- */

/* x moved down by `at` bytes. */
V_INLINE v128 v_to_front(v128 x, unsigned at)
{
	v128 two[2] = {x};
	v128 r;
	__builtin_memcpy(&r, (const char *)two + at, sizeof r);
	return r;
}

V_EACH2(v_swizzle, u8x16, u8x16, y[i] < 16 ? x[y[i] & 15] : 0)

V_INLINE v128 v_shuffle(v128 x, v128 y, v128 lanes)
{
	return v_swizzle(x, lanes) | v_swizzle(y, (v128)((u8x16)lanes - 16));
}

/* ---- tests ---- */

V_INLINE uint32_t v_any(v128 x)
{
	return (x[0] | x[1]) != 0;
}

#define V_TESTS(bits, type)                                                                        \
	V_INLINE uint32_t v_all##bits(v128 x)                                                          \
	{                                                                                              \
		return !v_any((v128)((type)x == 0));                                                       \
	}                                                                                              \
	V_INLINE uint32_t v_mask##bits(v128 x)                                                         \
	{                                                                                              \
		uint32_t mask = 0;                                                                         \
		for (unsigned i = 0; i < 128 / (bits); i++)                                                \
			mask |= (uint32_t)(((type)x)[i] < 0) << i;                                             \
		return mask;                                                                               \
	}
V_TESTS(8, s8x16)
V_TESTS(16, s16x8)
V_TESTS(32, s32x4)
V_TESTS(64, s64x2)

/* ---- shifts; n is less than a lane's width ---- */

#define V_SHIFTS(bits, u, s)                                                                       \
	V_INLINE v128 v_shl##bits(v128 x, uint32_t n)                                                  \
	{                                                                                              \
		return (v128)((u)x << (u)v_splat##bits((uint##bits##_t)n));                                \
	}                                                                                              \
	V_INLINE v128 v_shr_u##bits(v128 x, uint32_t n)                                                \
	{                                                                                              \
		return (v128)((u)x >> (u)v_splat##bits((uint##bits##_t)n));                                \
	}                                                                                              \
	V_INLINE v128 v_shr_s##bits(v128 x, uint32_t n)                                                \
	{                                                                                              \
		return (v128)((s)x >> (s)v_splat##bits((uint##bits##_t)n));                                \
	}
V_SHIFTS(8, u8x16, s8x16)
V_SHIFTS(16, u16x8, s16x8)
V_SHIFTS(32, u32x4, s32x4)
V_SHIFTS(64, u64x2, s64x2)

/* ---- integers ---- */

#define V_CLAMP(x, least, most) ((x) < (least) ? (least) : (x) > (most) ? (most) : (x))

#define V_ABS(bits, u, s)                                                                          \
	V_INLINE v128 v_abs##bits(v128 x)                                                              \
	{                                                                                              \
		u negative = (u)((s)x < 0);                                                                \
		return (v128)(((u)x ^ negative) - negative);                                               \
	}
V_ABS(8, u8x16, s8x16)
V_ABS(16, u16x8, s16x8)
V_ABS(32, u32x4, s32x4)

V_EACH1(v_popcnt8, u8x16, u8x16, (uint8_t)__builtin_popcount(x[i]))

/* Of 8 and 16 bits int holds every sum. */
#define V_SATURATING(bits, u, s)                                                                   \
	V_EACH2(v_add_sat_s##bits, s, s,                                                               \
	        (int##bits##_t)V_CLAMP(x[i] + y[i], INT##bits##_MIN, INT##bits##_MAX))                 \
	V_EACH2(v_add_sat_u##bits, u, u, (uint##bits##_t)V_CLAMP(x[i] + y[i], 0, UINT##bits##_MAX))    \
	V_EACH2(v_sub_sat_s##bits, s, s,                                                               \
	        (int##bits##_t)V_CLAMP(x[i] - y[i], INT##bits##_MIN, INT##bits##_MAX))                 \
	V_EACH2(v_sub_sat_u##bits, u, u, (uint##bits##_t)V_CLAMP(x[i] - y[i], 0, UINT##bits##_MAX))    \
	V_EACH2(v_avgr##bits, u, u, (uint##bits##_t)((x[i] + y[i] + 1) >> 1))
V_SATURATING(8, u8x16, s8x16)
V_SATURATING(16, u16x8, s16x8)

#define V_LEAST_MOST(bits, u, s)                                                                   \
	V_EACH2(v_min_s##bits, s, s, x[i] < y[i] ? x[i] : y[i])                                        \
	V_EACH2(v_min_u##bits, u, u, x[i] < y[i] ? x[i] : y[i])                                        \
	V_EACH2(v_max_s##bits, s, s, x[i] > y[i] ? x[i] : y[i])                                        \
	V_EACH2(v_max_u##bits, u, u, x[i] > y[i] ? x[i] : y[i])
V_LEAST_MOST(8, u8x16, s8x16)
V_LEAST_MOST(16, u16x8, s16x8)
V_LEAST_MOST(32, u32x4, s32x4)

/* Both narrow signed lanes. */
V_EACH2(v_narrow_s16, s16x8, s8x16,
        (int8_t)V_CLAMP(i < 8 ? x[i & 7] : y[i & 7], INT8_MIN, INT8_MAX))
V_EACH2(v_narrow_u16, s16x8, u8x16, (uint8_t)V_CLAMP(i < 8 ? x[i & 7] : y[i & 7], 0, UINT8_MAX))
V_EACH2(v_narrow_s32, s32x4, s16x8,
        (int16_t)V_CLAMP(i < 4 ? x[i & 3] : y[i & 3], INT16_MIN, INT16_MAX))
V_EACH2(v_narrow_u32, s32x4, u16x8, (uint16_t)V_CLAMP(i < 4 ? x[i & 3] : y[i & 3], 0, UINT16_MAX))

V_EACH2(v_q15mulr, s16x8, s16x8,
        (int16_t)V_CLAMP((x[i] * y[i] + 0x4000) >> 15, INT16_MIN, INT16_MAX))

#define V_EXTENDS(type, lanes, wide, wide_lanes, count)                                            \
	V_EACH1(v_extend_low_##type, lanes, wide_lanes, (wide)x[i])                                    \
	V_EACH1(v_extend_high_##type, lanes, wide_lanes, (wide)x[i + (count)])                         \
	V_EACH2(v_extmul_low_##type, lanes, wide_lanes, (wide)x[i] * (wide)y[i])                       \
	V_EACH2(v_extmul_high_##type, lanes, wide_lanes, (wide)x[i + (count)] * (wide)y[i + (count)])
V_EXTENDS(s8, s8x16, int16_t, s16x8, 8)
V_EXTENDS(u8, u8x16, uint16_t, u16x8, 8)
V_EXTENDS(s16, s16x8, int32_t, s32x4, 4)
V_EXTENDS(u16, u16x8, uint32_t, u32x4, 4)
V_EXTENDS(s32, s32x4, int64_t, s64x2, 2)
V_EXTENDS(u32, u32x4, uint64_t, u64x2, 2)

V_EACH1(v_pairwise_s8, s8x16, s16x8, (int16_t)(x[2 * i] + x[2 * i + 1]))
V_EACH1(v_pairwise_u8, u8x16, u16x8, (uint16_t)(x[2 * i] + x[2 * i + 1]))
V_EACH1(v_pairwise_s16, s16x8, s32x4, x[2 * i] + x[2 * i + 1])
V_EACH1(v_pairwise_u16, u16x8, u32x4, (uint32_t)x[2 * i] + x[2 * i + 1])

V_EACH2(v_dot8, s8x16, u16x8, (uint16_t)(x[2 * i] * y[2 * i] + x[2 * i + 1] * y[2 * i + 1]))
V_EACH2(v_dot16, s16x8, u32x4,
        (uint32_t)(x[2 * i] * y[2 * i]) + (uint32_t)(x[2 * i + 1] * y[2 * i + 1]))

/* ---- floats ---- */

#define V_FLOATS(bits, lanes, sqrt)                                                                \
	V_EACH1(v_sqrt##bits, lanes, lanes, sqrt(x[i]))                                                \
	V_EACH1(v_ceil##bits, lanes, lanes, f##bits##_ceiling(x[i]))                                   \
	V_EACH1(v_floor##bits, lanes, lanes, f##bits##_flooring(x[i]))                                 \
	V_EACH1(v_trunc##bits, lanes, lanes, f##bits##_truncating(x[i]))                               \
	V_EACH1(v_nearest##bits, lanes, lanes, f##bits##_rounding(x[i]))                               \
	V_EACH2(v_min_f##bits, lanes, lanes, f##bits##_minimum(x[i], y[i]))                            \
	V_EACH2(v_max_f##bits, lanes, lanes, f##bits##_maximum(x[i], y[i]))                            \
	V_EACH2(v_pmin_f##bits, lanes, lanes, y[i] < x[i] ? y[i] : x[i])                               \
	V_EACH2(v_pmax_f##bits, lanes, lanes, x[i] < y[i] ? y[i] : x[i])
V_FLOATS(32, f32x4, __builtin_sqrtf)
V_FLOATS(64, f64x2, __builtin_sqrt)

/* ---- conversions; a NaN fails every comparison ---- */

#define V_SATURATE_S32(x)                                                                          \
	((x) >= -2147483648.0 ? (x) < 2147483647.0 ? (int32_t)(x) : INT32_MAX                          \
	 : (x) != (x)         ? 0                                                                      \
	                      : INT32_MIN)
#define V_SATURATE_U32(x) ((x) > -1.0 ? (x) < 4294967295.0 ? (uint32_t)(x) : UINT32_MAX : 0)

V_EACH1(v_trunc_f32_s, f32x4, s32x4, V_SATURATE_S32((double)x[i]))
V_EACH1(v_trunc_f32_u, f32x4, u32x4, V_SATURATE_U32((double)x[i]))
V_EACH1(v_trunc_f64_s, f64x2, s32x4, i < 2 ? V_SATURATE_S32(x[i & 1]) : 0)
V_EACH1(v_trunc_f64_u, f64x2, u32x4, i < 2 ? V_SATURATE_U32(x[i & 1]) : 0)
V_EACH1(v_convert_s32, s32x4, f32x4, (float)x[i])
V_EACH1(v_convert_u32, u32x4, f32x4, (float)x[i])
V_EACH1(v_convert_low_s32, s32x4, f64x2, x[i])
V_EACH1(v_convert_low_u32, u32x4, f64x2, x[i])
V_EACH1(v_demote, f64x2, f32x4, i < 2 ? (float)x[i & 1] : 0)
V_EACH1(v_promote, f32x4, f64x2, (double)x[i])
