/* Compiled twice (meson.build), with ROWS and ROW_COUNT the names of what it gives. */
#include "tests/interp/vector_rows.h"

#include "interp/exec_simd.h"

#include <string.h>

#define TYPE_i32 uint32_t
#define TYPE_i64 uint64_t
#define TYPE_f32 float
#define TYPE_f64 double
#define TYPE_v128 v128

#define X_Y_Z(lanes)                                                                               \
	__attribute__((unused)) lanes x = (lanes)v_read(in->x), y = (lanes)v_read(in->y),              \
	                              z = (lanes)v_read(in->z);
#define SCALAR(type, name)                                                                         \
	type name;                                                                                     \
	memcpy(&name, in->scalar, sizeof name);

/* Any vector type may be what the expression gives. */
#define RESULT_v128(e) v_write(out, (v128)(e));
#define RESULT(type, e)                                                                            \
	type result = e;                                                                               \
	memcpy(out, &result, sizeof result);
#define RESULT_i32(e) RESULT(uint32_t, e)
#define RESULT_i64(e) RESULT(uint64_t, e)
#define RESULT_f32(e) RESULT(float, e)
#define RESULT_f64(e) RESULT(double, e)

#define FUNCTION(n, bind, result)                                                                  \
	static void run_##n(const struct vector_operands *in, uint8_t out[VECTOR_SIZE])                \
	{                                                                                              \
		__attribute__((unused)) uint32_t lane = in->lane;                                          \
		bind memset(out, 0, VECTOR_SIZE);                                                          \
		result                                                                                     \
	}

#define UNARY(n, t, u, trap, e) FUNCTION(n, SCALAR(TYPE_##t, x), RESULT_##u(e))
#define LOAD(n, m, u, e) FUNCTION(n, SCALAR(m, v), RESULT_##u(e))
#define V_UNARY(n, lanes, u, e) FUNCTION(n, X_Y_Z(lanes), RESULT_##u(e))
#define V_COMMUTE(n, lanes, e) FUNCTION(n, X_Y_Z(lanes), RESULT_v128(e))
#define V_ORDERED(n, lanes, e) FUNCTION(n, X_Y_Z(lanes), RESULT_v128(e))
#define V_TERNARY(n, lanes, e) FUNCTION(n, X_Y_Z(lanes), RESULT_v128(e))
#define V_SHIFT(n, e) V_REPLACE(n, i32, e)
#define V_REPLACE(n, t, e) FUNCTION(n, v128 x = v_read(in->x); SCALAR(TYPE_##t, y), RESULT_v128(e))
/* Validated lanes are below 32. */
#define V_SHUFFLE(n) FUNCTION(n, X_Y_Z(v128), RESULT_v128(v_shuffle(x, y, z &(v128)v_splat8(31))))
#define V_LOAD_LANE(n, m, e) FUNCTION(n, X_Y_Z(v128) SCALAR(m, v), RESULT_v128(e))
#define V_STORE_LANE(n, m, e) FUNCTION(n, X_Y_Z(v128), RESULT(m, e))
#include "interp/op_simd.def"

#undef UNARY
#undef LOAD
#define ROW(n) {#n, run_##n},
#define UNARY(n, t, u, trap, e) ROW(n)
#define LOAD(n, m, u, e) ROW(n)
#define V_UNARY(n, lanes, u, e) ROW(n)
#define V_COMMUTE(n, lanes, e) ROW(n)
#define V_ORDERED(n, lanes, e) ROW(n)
#define V_TERNARY(n, lanes, e) ROW(n)
#define V_SHIFT(n, e) ROW(n)
#define V_REPLACE(n, t, e) ROW(n)
#define V_SHUFFLE(n) ROW(n)
#define V_LOAD_LANE(n, m, e) ROW(n)
#define V_STORE_LANE(n, m, e) ROW(n)
const struct vector_row ROWS[] = {
#include "interp/op_simd.def"
};
const size_t ROW_COUNT = sizeof ROWS / sizeof *ROWS;
