/* Inside interp/, for exec_simd.h alone: v128 by SSE4.2. */
#include <nmmintrin.h>

#define V_INT(x) ((__m128i)(x))
#define V_F32(x) ((__m128)(x))
#define V_F64(x) ((__m128d)(x))

/* Functions of one and of two vectors that are one instruction. */
#define V_UNARY_INSTRUCTIONS(X)                                                                    \
	X(v_abs8, V_INT, _mm_abs_epi8)                                                                 \
	X(v_abs16, V_INT, _mm_abs_epi16)                                                               \
	X(v_abs32, V_INT, _mm_abs_epi32)                                                               \
	X(v_extend_low_s8, V_INT, _mm_cvtepi8_epi16)                                                   \
	X(v_extend_low_u8, V_INT, _mm_cvtepu8_epi16)                                                   \
	X(v_extend_low_s16, V_INT, _mm_cvtepi16_epi32)                                                 \
	X(v_extend_low_u16, V_INT, _mm_cvtepu16_epi32)                                                 \
	X(v_extend_low_s32, V_INT, _mm_cvtepi32_epi64)                                                 \
	X(v_extend_low_u32, V_INT, _mm_cvtepu32_epi64)                                                 \
	X(v_sqrt32, V_F32, _mm_sqrt_ps)                                                                \
	X(v_ceil32, V_F32, _mm_ceil_ps)                                                                \
	X(v_floor32, V_F32, _mm_floor_ps)                                                              \
	X(v_sqrt64, V_F64, _mm_sqrt_pd)                                                                \
	X(v_ceil64, V_F64, _mm_ceil_pd)                                                                \
	X(v_floor64, V_F64, _mm_floor_pd)                                                              \
	X(v_convert_s32, V_INT, _mm_cvtepi32_ps)                                                       \
	X(v_convert_low_s32, V_INT, _mm_cvtepi32_pd)                                                   \
	X(v_demote, V_F64, _mm_cvtpd_ps)                                                               \
	X(v_promote, V_F32, _mm_cvtps_pd)
#define V_BINARY_INSTRUCTIONS(X)                                                                   \
	X(v_add_sat_s8, V_INT, _mm_adds_epi8)                                                          \
	X(v_add_sat_u8, V_INT, _mm_adds_epu8)                                                          \
	X(v_add_sat_s16, V_INT, _mm_adds_epi16)                                                        \
	X(v_add_sat_u16, V_INT, _mm_adds_epu16)                                                        \
	X(v_sub_sat_s8, V_INT, _mm_subs_epi8)                                                          \
	X(v_sub_sat_u8, V_INT, _mm_subs_epu8)                                                          \
	X(v_sub_sat_s16, V_INT, _mm_subs_epi16)                                                        \
	X(v_sub_sat_u16, V_INT, _mm_subs_epu16)                                                        \
	X(v_avgr8, V_INT, _mm_avg_epu8)                                                                \
	X(v_avgr16, V_INT, _mm_avg_epu16)                                                              \
	X(v_min_s8, V_INT, _mm_min_epi8)                                                               \
	X(v_min_u8, V_INT, _mm_min_epu8)                                                               \
	X(v_min_s16, V_INT, _mm_min_epi16)                                                             \
	X(v_min_u16, V_INT, _mm_min_epu16)                                                             \
	X(v_min_s32, V_INT, _mm_min_epi32)                                                             \
	X(v_min_u32, V_INT, _mm_min_epu32)                                                             \
	X(v_max_s8, V_INT, _mm_max_epi8)                                                               \
	X(v_max_u8, V_INT, _mm_max_epu8)                                                               \
	X(v_max_s16, V_INT, _mm_max_epi16)                                                             \
	X(v_max_u16, V_INT, _mm_max_epu16)                                                             \
	X(v_max_s32, V_INT, _mm_max_epi32)                                                             \
	X(v_max_u32, V_INT, _mm_max_epu32)                                                             \
	X(v_narrow_s16, V_INT, _mm_packs_epi16)                                                        \
	X(v_narrow_u16, V_INT, _mm_packus_epi16)                                                       \
	X(v_narrow_s32, V_INT, _mm_packs_epi32)                                                        \
	X(v_narrow_u32, V_INT, _mm_packus_epi32)                                                       \
	X(v_dot16, V_INT, _mm_madd_epi16)

#define X(name, as, instruction)                                                                   \
	V_INLINE v128 name(v128 x)                                                                     \
	{                                                                                              \
		return (v128)instruction(as(x));                                                           \
	}
V_UNARY_INSTRUCTIONS(X)
#undef X
#define X(name, as, instruction)                                                                   \
	V_INLINE v128 name(v128 x, v128 y)                                                             \
	{                                                                                              \
		return (v128)instruction(as(x), as(y));                                                    \
	}
V_BINARY_INSTRUCTIONS(X)
#undef X

/* ---- lanes ---- */

/* x moved down by `at` bytes. */
V_INLINE v128 v_to_front(v128 x, unsigned at)
{
	static const uint8_t lanes[32] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	return (v128)_mm_shuffle_epi8(V_INT(x), _mm_loadu_si128((const __m128i *)&lanes[at]));
}

/* pshufb gives 0 for indices from 0x80 on and else looks at their lower half. */
V_INLINE v128 v_swizzle(v128 x, v128 lanes)
{
	return (v128)_mm_shuffle_epi8(V_INT(x), _mm_adds_epu8(V_INT(lanes), _mm_set1_epi8(0x70)));
}

V_INLINE v128 v_shuffle(v128 x, v128 y, v128 lanes)
{
	return v_swizzle(x, lanes) |
	       (v128)_mm_shuffle_epi8(V_INT(y), _mm_sub_epi8(V_INT(lanes), _mm_set1_epi8(16)));
}

/* ---- tests ---- */

V_INLINE uint32_t v_any(v128 x)
{
	return !_mm_testz_si128(V_INT(x), V_INT(x));
}

V_INLINE uint32_t v_none(__m128i x)
{
	return (uint32_t)_mm_testz_si128(x, x);
}

V_INLINE uint32_t v_all8(v128 x)
{
	return v_none(_mm_cmpeq_epi8(V_INT(x), _mm_setzero_si128()));
}

V_INLINE uint32_t v_all16(v128 x)
{
	return v_none(_mm_cmpeq_epi16(V_INT(x), _mm_setzero_si128()));
}

V_INLINE uint32_t v_all32(v128 x)
{
	return v_none(_mm_cmpeq_epi32(V_INT(x), _mm_setzero_si128()));
}

V_INLINE uint32_t v_all64(v128 x)
{
	return v_none(_mm_cmpeq_epi64(V_INT(x), _mm_setzero_si128()));
}

V_INLINE uint32_t v_mask8(v128 x)
{
	return (uint32_t)_mm_movemask_epi8(V_INT(x));
}

V_INLINE uint32_t v_mask16(v128 x)
{
	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(V_INT(x), _mm_setzero_si128()));
}

V_INLINE uint32_t v_mask32(v128 x)
{
	return (uint32_t)_mm_movemask_ps(V_F32(x));
}

V_INLINE uint32_t v_mask64(v128 x)
{
	return (uint32_t)_mm_movemask_pd(V_F64(x));
}

/* ---- shifts; n is less than a lane's width ---- */

#define V_COUNT(n) _mm_cvtsi32_si128((int)(n))

V_INLINE v128 v_shl8(v128 x, uint32_t n)
{
	return (v128)_mm_sll_epi16(V_INT(x), V_COUNT(n)) & v_splat8((uint8_t)(0xffu << n));
}

V_INLINE v128 v_shr_u8(v128 x, uint32_t n)
{
	return (v128)_mm_srl_epi16(V_INT(x), V_COUNT(n)) & v_splat8((uint8_t)(0xffu >> n));
}

/* The bytes, each in the upper half of 16 bits, are shifted there and packed again. */
V_INLINE v128 v_shr_s8(v128 x, uint32_t n)
{
	__m128i count = V_COUNT(n + 8);
	return (v128)_mm_packs_epi16(_mm_sra_epi16(_mm_unpacklo_epi8(V_INT(x), V_INT(x)), count),
	                             _mm_sra_epi16(_mm_unpackhi_epi8(V_INT(x), V_INT(x)), count));
}

#define V_SHIFT_INSTRUCTIONS(X)                                                                    \
	X(v_shl16, _mm_sll_epi16)                                                                      \
	X(v_shl32, _mm_sll_epi32)                                                                      \
	X(v_shl64, _mm_sll_epi64)                                                                      \
	X(v_shr_u16, _mm_srl_epi16)                                                                    \
	X(v_shr_u32, _mm_srl_epi32)                                                                    \
	X(v_shr_u64, _mm_srl_epi64)                                                                    \
	X(v_shr_s16, _mm_sra_epi16)                                                                    \
	X(v_shr_s32, _mm_sra_epi32)
#define X(name, instruction)                                                                       \
	V_INLINE v128 name(v128 x, uint32_t n)                                                         \
	{                                                                                              \
		return (v128)instruction(V_INT(x), V_COUNT(n));                                            \
	}
V_SHIFT_INSTRUCTIONS(X)
#undef X

/* There is no arithmetic shift of 64 bits: the sign is extended from where it came to. */
V_INLINE v128 v_shr_s64(v128 x, uint32_t n)
{
	u64x2 sign = (u64x2)v_splat64(UINT64_C(1) << 63 >> n);
	return (v128)(((u64x2)v_shr_u64(x, n) ^ sign) - sign);
}

/* ---- integers ---- */

/* By a table of the bits in four. */
V_INLINE v128 v_popcnt8(v128 x)
{
	const __m128i counts = _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
	const __m128i nibble = _mm_set1_epi8(0x0f);
	__m128i low = _mm_and_si128(V_INT(x), nibble);
	__m128i high = _mm_and_si128(_mm_srli_epi16(V_INT(x), 4), nibble);
	return (v128)_mm_add_epi8(_mm_shuffle_epi8(counts, low), _mm_shuffle_epi8(counts, high));
}

/* Only -1 times -1 leaves the range: it gives -1. */
V_INLINE v128 v_q15mulr(v128 x, v128 y)
{
	__m128i product = _mm_mulhrs_epi16(V_INT(x), V_INT(y));
	return (v128)_mm_xor_si128(product, _mm_cmpeq_epi16(product, _mm_set1_epi16(INT16_MIN)));
}

#define V_EXTEND_HIGH(type)                                                                        \
	V_INLINE v128 v_extend_high_##type(v128 x)                                                     \
	{                                                                                              \
		return v_extend_low_##type((v128)_mm_unpackhi_epi64(V_INT(x), V_INT(x)));                  \
	}
V_EXTEND_HIGH(s8)
V_EXTEND_HIGH(u8)
V_EXTEND_HIGH(s16)
V_EXTEND_HIGH(u16)
V_EXTEND_HIGH(s32)
V_EXTEND_HIGH(u32)

/* maddubs takes unsigned bytes first, signed ones second. */
V_INLINE v128 v_pairwise_s8(v128 x)
{
	return (v128)_mm_maddubs_epi16(_mm_set1_epi8(1), V_INT(x));
}

V_INLINE v128 v_pairwise_u8(v128 x)
{
	return (v128)_mm_maddubs_epi16(V_INT(x), _mm_set1_epi8(1));
}

V_INLINE v128 v_pairwise_s16(v128 x)
{
	return (v128)_mm_madd_epi16(V_INT(x), _mm_set1_epi16(1));
}

V_INLINE v128 v_pairwise_u16(v128 x)
{
	return (v128)(((u32x4)x & 0xffff) + ((u32x4)x >> 16));
}

#define V_EXTMUL8(name, extend)                                                                    \
	V_INLINE v128 name(v128 x, v128 y)                                                             \
	{                                                                                              \
		return (v128)((u16x8)extend(x) * (u16x8)extend(y));                                        \
	}
V_EXTMUL8(v_extmul_low_s8, v_extend_low_s8)
V_EXTMUL8(v_extmul_low_u8, v_extend_low_u8)
V_EXTMUL8(v_extmul_high_s8, v_extend_high_s8)
V_EXTMUL8(v_extmul_high_u8, v_extend_high_u8)

/* Halves of the products are computed apart and woven together. */
#define V_EXTMUL16(name, weave, high)                                                              \
	V_INLINE v128 name(v128 x, v128 y)                                                             \
	{                                                                                              \
		return (v128)weave(_mm_mullo_epi16(V_INT(x), V_INT(y)), high(V_INT(x), V_INT(y)));         \
	}
V_EXTMUL16(v_extmul_low_s16, _mm_unpacklo_epi16, _mm_mulhi_epi16)
V_EXTMUL16(v_extmul_low_u16, _mm_unpacklo_epi16, _mm_mulhi_epu16)
V_EXTMUL16(v_extmul_high_s16, _mm_unpackhi_epi16, _mm_mulhi_epi16)
V_EXTMUL16(v_extmul_high_u16, _mm_unpackhi_epi16, _mm_mulhi_epu16)

/* The instruction multiplies lanes 0 and 2. */
#define V_EXTMUL32(name, spread, multiply)                                                         \
	V_INLINE v128 name(v128 x, v128 y)                                                             \
	{                                                                                              \
		return (v128)multiply(spread(V_INT(x), V_INT(x)), spread(V_INT(y), V_INT(y)));             \
	}
V_EXTMUL32(v_extmul_low_s32, _mm_unpacklo_epi32, _mm_mul_epi32)
V_EXTMUL32(v_extmul_low_u32, _mm_unpacklo_epi32, _mm_mul_epu32)
V_EXTMUL32(v_extmul_high_s32, _mm_unpackhi_epi32, _mm_mul_epi32)
V_EXTMUL32(v_extmul_high_u32, _mm_unpackhi_epi32, _mm_mul_epu32)

/* Sums of the products of signed bytes 2i and 2i+1, in 16 bits. */
V_INLINE v128 v_dot8(v128 x, v128 y)
{
	u16x8 even = (u16x8)_mm_srai_epi16(_mm_slli_epi16(V_INT(x), 8), 8) *
	             (u16x8)_mm_srai_epi16(_mm_slli_epi16(V_INT(y), 8), 8);
	u16x8 odd = (u16x8)_mm_srai_epi16(V_INT(x), 8) * (u16x8)_mm_srai_epi16(V_INT(y), 8);
	return (v128)(even + odd);
}

/* ---- floats ---- */

V_INLINE v128 v_trunc32(v128 x)
{
	return (v128)_mm_round_ps(V_F32(x), _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}

V_INLINE v128 v_nearest32(v128 x)
{
	return (v128)_mm_round_ps(V_F32(x), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

V_INLINE v128 v_trunc64(v128 x)
{
	return (v128)_mm_round_pd(V_F64(x), _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}

V_INLINE v128 v_nearest64(v128 x)
{
	return (v128)_mm_round_pd(V_F64(x), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* The instructions give their second operand when one is a NaN or both are zeros. So both orders
 * are merged: the bits of the two zeros, and of a NaN in either. A NaN is then made the canonical
 * one. */
V_INLINE v128 v_min_f32(v128 x, v128 y)
{
	__m128 least = _mm_or_ps(_mm_min_ps(V_F32(x), V_F32(y)), _mm_min_ps(V_F32(y), V_F32(x)));
	__m128 nan = _mm_cmpunord_ps(least, least);
	least = _mm_or_ps(least, nan);
	return (v128)_mm_andnot_ps(_mm_castsi128_ps(_mm_srli_epi32(_mm_castps_si128(nan), 10)), least);
}

V_INLINE v128 v_min_f64(v128 x, v128 y)
{
	__m128d least = _mm_or_pd(_mm_min_pd(V_F64(x), V_F64(y)), _mm_min_pd(V_F64(y), V_F64(x)));
	__m128d nan = _mm_cmpunord_pd(least, least);
	least = _mm_or_pd(least, nan);
	return (v128)_mm_andnot_pd(_mm_castsi128_pd(_mm_srli_epi64(_mm_castpd_si128(nan), 13)), least);
}

/* Where the orders differ, it is in the sign of zeros (0 - -0 is 0) or by a NaN (which stays one).
 */
V_INLINE v128 v_max_f32(v128 x, v128 y)
{
	__m128 one = _mm_max_ps(V_F32(x), V_F32(y));
	__m128 difference = _mm_xor_ps(one, _mm_max_ps(V_F32(y), V_F32(x)));
	__m128 most = _mm_sub_ps(_mm_or_ps(one, difference), difference);
	__m128 nan = _mm_cmpunord_ps(most, most);
	return (v128)_mm_andnot_ps(_mm_castsi128_ps(_mm_srli_epi32(_mm_castps_si128(nan), 10)), most);
}

V_INLINE v128 v_max_f64(v128 x, v128 y)
{
	__m128d one = _mm_max_pd(V_F64(x), V_F64(y));
	__m128d difference = _mm_xor_pd(one, _mm_max_pd(V_F64(y), V_F64(x)));
	__m128d most = _mm_sub_pd(_mm_or_pd(one, difference), difference);
	__m128d nan = _mm_cmpunord_pd(most, most);
	return (v128)_mm_andnot_pd(_mm_castsi128_pd(_mm_srli_epi64(_mm_castpd_si128(nan), 13)), most);
}

V_INLINE v128 v_pmin_f32(v128 x, v128 y)
{
	return (v128)_mm_min_ps(V_F32(y), V_F32(x));
}

V_INLINE v128 v_pmax_f32(v128 x, v128 y)
{
	return (v128)_mm_max_ps(V_F32(y), V_F32(x));
}

V_INLINE v128 v_pmin_f64(v128 x, v128 y)
{
	return (v128)_mm_min_pd(V_F64(y), V_F64(x));
}

V_INLINE v128 v_pmax_f64(v128 x, v128 y)
{
	return (v128)_mm_max_pd(V_F64(y), V_F64(x));
}

/* ---- conversions: cvtt gives 0x80000000 for all that it cannot convert ---- */

V_INLINE v128 v_trunc_f32_s(v128 x)
{
	__m128 number = _mm_and_ps(V_F32(x), _mm_cmpord_ps(V_F32(x), V_F32(x)));
	__m128 too_large = _mm_cmpge_ps(number, _mm_set1_ps(2147483648.0f));
	return (v128)_mm_xor_si128(_mm_cvttps_epi32(number), _mm_castps_si128(too_large));
}

/* From 2^31 on the result is 2^31 plus what is left. */
V_INLINE v128 v_trunc_f32_u(v128 x)
{
	const __m128 half = _mm_set1_ps(2147483648.0f);
	__m128 number = _mm_max_ps(V_F32(x), _mm_setzero_ps());
	__m128 rest = _mm_sub_ps(number, half);
	__m128i too_large = _mm_castps_si128(_mm_cmpge_ps(rest, half));
	__m128i upper = _mm_xor_si128(_mm_cvttps_epi32(rest), too_large);
	return (v128)_mm_add_epi32(_mm_cvttps_epi32(number), _mm_max_epi32(upper, _mm_setzero_si128()));
}

V_INLINE v128 v_trunc_f64_s(v128 x)
{
	__m128d number = _mm_and_pd(V_F64(x), _mm_cmpord_pd(V_F64(x), V_F64(x)));
	return (v128)_mm_cvttpd_epi32(_mm_min_pd(number, _mm_set1_pd(2147483647.0)));
}

/* 2^52 plus an integer below has the integer in its lower bits. */
#define V_TWO_TO_52 4503599627370496.0

V_INLINE v128 v_trunc_f64_u(v128 x)
{
	__m128d number = _mm_max_pd(V_F64(x), _mm_setzero_pd());
	number = _mm_min_pd(number, _mm_set1_pd(4294967295.0));
	number = _mm_round_pd(number, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
	number = _mm_add_pd(number, _mm_set1_pd(V_TWO_TO_52));
	return (v128)_mm_shuffle_ps(_mm_castpd_ps(number), _mm_setzero_ps(), _MM_SHUFFLE(0, 0, 2, 0));
}

/* The upper 16 bits and the lower ones are exact floats: only their sum rounds. */
V_INLINE v128 v_convert_u32(v128 x)
{
	__m128 upper = _mm_cvtepi32_ps(_mm_srli_epi32(V_INT(x), 16));
	__m128 lower = _mm_cvtepi32_ps(_mm_and_si128(V_INT(x), _mm_set1_epi32(0xffff)));
	return (v128)_mm_add_ps(_mm_mul_ps(upper, _mm_set1_ps(65536.0f)), lower);
}

V_INLINE v128 v_convert_low_u32(v128 x)
{
	__m128i number = _mm_unpacklo_epi32(V_INT(x), _mm_set1_epi32(0x43300000));
	return (v128)_mm_sub_pd(_mm_castsi128_pd(number), _mm_set1_pd(V_TWO_TO_52));
}
