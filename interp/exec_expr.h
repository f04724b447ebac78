/* Inside interp/: the expressions of op.def as functions, for the pairs of op_fused.def. Includers
 * have the types' names (exec.c). Checks for traps are left out: no operation that traps is in a
 * pair. */
#ifndef INTERP_EXEC_EXPR_H
#define INTERP_EXEC_EXPR_H

#define EXPRESSION(n, t, u, e)                                                                     \
	static inline __attribute__((always_inline, unused)) TYPE_##u expr_##n(TYPE_##t x, TYPE_##t y) \
	{                                                                                              \
		return (TYPE_##u)(e);                                                                      \
	}
#define COMMUTE(n, t, u, e) EXPRESSION(n, t, u, e)
#define ORDERED(n, t, u, c, e) EXPRESSION(n, t, u, e)
#define COMPARE(n, t, e, s, i)
#define FCOMPARE(n, t, e, s)
#define UNARY(n, t, u, c, e)
#define INNER(n, t, u, c, e)
/* What is in memory, and what the load makes of it. */
#define LOAD(n, m, u, e)                                                                           \
	typedef m loaded_##n;                                                                          \
	static inline __attribute__((always_inline, unused)) TYPE_##u value_##n(loaded_##n v)          \
	{                                                                                              \
		return (TYPE_##u)(e);                                                                      \
	}
#define V_COMMUTE(n, lanes, e)                                                                     \
	V_INLINE __attribute__((unused)) v128 expr_##n(v128 first, v128 second)                        \
	{                                                                                              \
		lanes x = (lanes)first;                                                                    \
		lanes y = (lanes)second;                                                                   \
		return (v128)(e);                                                                          \
	}
#define V_ORDERED(n, lanes, e) V_COMMUTE(n, lanes, e)
#define STORE(n, t, m)
#define FSTORE(n, t)
#define ATOMIC_LOAD(n, m)
#define ATOMIC_STORE(n, m)
#define ATOMIC_RMW(n, m, f)
#define ATOMIC_CMPXCHG(n, m)
#include "interp/op.def"
EXPRESSION(f32_rsub, f32, f32, y - x)
EXPRESSION(f64_rsub, f64, f64, y - x)
#undef EXPRESSION

#endif
