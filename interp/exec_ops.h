/* Handlers of the families in op.def, for exec.c alone. */

/* Two operands, as every variant of a family finds them; a is the destination. */
#define BINARY_BODY(T, U, X, Y, check, expression, keep)                                           \
	{                                                                                              \
		TYPE_##T x = X;                                                                            \
		TYPE_##T y = Y;                                                                            \
		check SET_##U(expression);                                                                 \
		keep;                                                                                      \
		NEXT;                                                                                      \
	}
#define BINARY(n, variant, T, U, X, Y, check, expression)                                          \
	HANDLER(n##_##variant##_r)                                                                     \
	BINARY_BODY(T, U, X, Y, check, expression, (void)0)                                            \
	HANDLER(n##_##variant##_w) BINARY_BODY(T, U, X, Y, check, expression, KEEP_##U(pc->a))

#define BINARY_COMMUTE(n, T, U, check, e)                                                          \
	BINARY(n, ss, T, U, SLOT_##T(pc->b), SLOT_##T(pc->c), check, e)                                \
	BINARY(n, sk, T, U, SLOT_##T(pc->b), CONST_##T, check, e)                                      \
	BINARY(n, as, T, U, ACC_##T, SLOT_##T(pc->b), check, e)                                        \
	BINARY(n, ak, T, U, ACC_##T, CONST_##T, check, e)

#define COMMUTE(n, T, U, e) BINARY_COMMUTE(n, T, U, , e)
#define ORDERED(n, T, U, check, e)                                                                 \
	BINARY_COMMUTE(n, T, U, check, e)                                                              \
	BINARY(n, ks, T, U, CONST_##T, SLOT_##T(pc->b), check, e)                                      \
	BINARY(n, sa, T, U, SLOT_##T(pc->b), ACC_##T, check, e)                                        \
	BINARY(n, ka, T, U, CONST_##T, ACC_##T, check, e)

/* A comparison that jumps: its jump is c, so the other operand stands in a or, as a number of 32
 * bits, in d. */
#define BRANCH_BY(name, T, X, Y, condition, jump)                                                  \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		TYPE_##T x = X;                                                                            \
		TYPE_##T y = Y;                                                                            \
		if (condition)                                                                             \
			jump;                                                                                  \
		NEXT;                                                                                      \
	}
#define BRANCH(n, variant, T, X, Y, condition) BRANCH_BY(n##_##variant, T, X, Y, condition, JUMP)
/* And one that pays when it jumps. */
#define BRANCH_BOTH(n, variant, T, X, Y, condition)                                                \
	BRANCH(n, variant, T, X, Y, condition)                                                         \
	BRANCH_BY(n##_##variant##_meter, T, X, Y, condition, JUMP_METERED)
#define SHORT_i32 pc->d
#define SHORT_i64 ((uint64_t)(int64_t)(int32_t)pc->d)
/* A number of 16 bits. */
#define HALF_i32 ((uint32_t)(int16_t)pc->a)
#define HALF_i64 ((uint64_t)(int16_t)pc->a)
#define SHORT_f32 f32_of_bits(pc->d)
#define SHORT_f64 ((double)f32_of_bits(pc->d))
/* The end of a loop: a number of 16 bits is added to the local, which is compared. */
#define STEP_BY(name, T, Y, condition, jump)                                                       \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		TYPE_##T x = SLOT_##T(pc->b) + HALF_##T;                                                   \
		acc = x;                                                                                   \
		fp[pc->b].i64 = acc;                                                                       \
		TYPE_##T y = Y;                                                                            \
		if (condition)                                                                             \
			jump;                                                                                  \
		NEXT;                                                                                      \
	}
#define STEP(n, variant, T, Y, condition)                                                          \
	STEP_BY(n##_##variant, T, Y, condition, JUMP)                                                  \
	STEP_BY(n##_##variant##_meter, T, Y, condition, JUMP_METERED)
#define COMPARE(n, T, e, swapped, inverse)                                                         \
	BINARY_COMMUTE(n, T, i32, , e)                                                                 \
	BRANCH_BOTH(n, br_ss, T, SLOT_##T(pc->b), SLOT_##T(pc->a), e)                                  \
	BRANCH_BOTH(n, br_sk, T, SLOT_##T(pc->b), SHORT_##T, e)                                        \
	BRANCH_BOTH(n, br_as, T, ACC_##T, SLOT_##T(pc->a), e)                                          \
	BRANCH_BOTH(n, br_ak, T, ACC_##T, SHORT_##T, e)                                                \
	STEP(n, step_s, T, SLOT_##T(pc->d), e)                                                         \
	STEP(n, step_k, T, SHORT_##T, e)
#define FCOMPARE(n, T, e, swapped)                                                                 \
	BINARY_COMMUTE(n, T, i32, , e)                                                                 \
	BRANCH(n, br_ss, T, SLOT_##T(pc->b), SLOT_##T(pc->a), e)                                       \
	BRANCH(n, br_sk, T, SLOT_##T(pc->b), SHORT_##T, e)                                             \
	BRANCH(n, br_as, T, ACC_##T, SLOT_##T(pc->a), e)                                               \
	BRANCH(n, br_ak, T, ACC_##T, SHORT_##T, e)                                                     \
	BRANCH(n, un_ss, T, SLOT_##T(pc->b), SLOT_##T(pc->a), !(e))                                    \
	BRANCH(n, un_sk, T, SLOT_##T(pc->b), SHORT_##T, !(e))                                          \
	BRANCH(n, un_as, T, ACC_##T, SLOT_##T(pc->a), !(e))                                            \
	BRANCH(n, un_ak, T, ACC_##T, SHORT_##T, !(e))

#define UNARY_BODY(T, U, X, check, expression, keep)                                               \
	{                                                                                              \
		TYPE_##T x = X;                                                                            \
		check SET_##U(expression);                                                                 \
		keep;                                                                                      \
		NEXT;                                                                                      \
	}
#define UNARY(n, T, U, check, e)                                                                   \
	HANDLER(n##_s_r)                                                                               \
	UNARY_BODY(T, U, SLOT_##T(pc->b), check, e, (void)0)                                           \
	HANDLER(n##_s_w)                                                                               \
	UNARY_BODY(T, U, SLOT_##T(pc->b), check, e, KEEP_##U(pc->a))                                   \
	HANDLER(n##_a_r)                                                                               \
	UNARY_BODY(T, U, ACC_##T, check, e, (void)0)                                                   \
	HANDLER(n##_a_w) UNARY_BODY(T, U, ACC_##T, check, e, KEEP_##U(pc->a))

#define INNER UNARY
#define FIELD_OF(x) ((const struct object *)(uintptr_t)(x))->slots[pc->c]

/* Memory 0 lies in a reservation that spans every 32-bit address plus every 32-bit offset, so an
 * access out of bounds faults (memory.c, trap.c). A constant address has its offset added in k. */
#define ADDRESS_s ((uint64_t)fp[pc->b].i32 + pc->c)
#define ADDRESS_a (acc + pc->c)
#define ADDRESS_k pc->k
/* Sums of 32 bits, which wrap before the offset is added. */
#define ADDRESS_p ((uint64_t)(uint32_t)(fp[pc->b].i32 + pc->c) + pc->d)
#define ADDRESS_q ((uint64_t)(uint32_t)(fp[pc->b].i32 + fp[pc->c].i32) + pc->d)
#define ADDRESS_u ((uint64_t)(uint32_t)(acc + pc->c) + pc->d)
#define ADDRESS_v ((uint64_t)(uint32_t)(acc + fp[pc->b].i32) + pc->d)
#define ADDRESS_t ((fp[pc->d_low].i64 = (uint32_t)(fp[pc->b].i32 + pc->c)) + pc->d_high)

#define LOAD_AT(name, M, U, address, e, keep)                                                      \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		M v;                                                                                       \
		MARK_FAULT();                                                                              \
		__builtin_memcpy(&v, PLACE(address), sizeof v);                                            \
		HOLD_STATE();                                                                              \
		SET_##U(e);                                                                                \
		keep;                                                                                      \
		NEXT;                                                                                      \
	}
#define LOAD_BOTH(name, M, U, address, e)                                                          \
	LOAD_AT(name##_r, M, U, address, e, (void)0)                                                   \
	LOAD_AT(name##_w, M, U, address, e, KEEP_##U(pc->a))
#define LOAD(n, M, U, e)                                                                           \
	LOAD_BOTH(n##_s, M, U, ADDRESS_s, e)                                                           \
	LOAD_BOTH(n##_a, M, U, ADDRESS_a, e)                                                           \
	LOAD_BOTH(n##_k, M, U, ADDRESS_k, e)                                                           \
	LOAD_BOTH(n##_p, M, U, ADDRESS_p, e)                                                           \
	LOAD_BOTH(n##_q, M, U, ADDRESS_q, e)                                                           \
	LOAD_BOTH(n##_u, M, U, ADDRESS_u, e)                                                           \
	LOAD_BOTH(n##_v, M, U, ADDRESS_v, e)                                                           \
	LOAD_BOTH(n##_t, M, U, ADDRESS_t, e)

#define STORE_AT(name, M, address, value)                                                          \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		M v = (M)(value);                                                                          \
		MARK_FAULT();                                                                              \
		__builtin_memcpy(PLACE(address), &v, sizeof v);                                            \
		HOLD_STATE();                                                                              \
		NEXT;                                                                                      \
	}
#define STORE(n, T, M)                                                                             \
	STORE_AT(n##_ss, M, ADDRESS_s, SLOT_##T(pc->a))                                                \
	STORE_AT(n##_sa, M, ADDRESS_s, ACC_##T)                                                        \
	STORE_AT(n##_sk, M, ADDRESS_s, SHORT_##T)                                                      \
	STORE_AT(n##_as, M, ADDRESS_a, SLOT_##T(pc->a))                                                \
	STORE_AT(n##_ak, M, ADDRESS_a, SHORT_##T)                                                      \
	STORE_AT(n##_ks, M, ADDRESS_k, SLOT_##T(pc->a))                                                \
	STORE_AT(n##_ka, M, ADDRESS_k, ACC_##T)                                                        \
	STORE_AT(n##_ps, M, ADDRESS_p, SLOT_##T(pc->a))                                                \
	STORE_AT(n##_pa, M, ADDRESS_p, ACC_##T)                                                        \
	STORE_AT(n##_pk, M, ADDRESS_p, HALF_##T)                                                       \
	STORE_AT(n##_qs, M, ADDRESS_q, SLOT_##T(pc->a))                                                \
	STORE_AT(n##_qa, M, ADDRESS_q, ACC_##T)                                                        \
	STORE_AT(n##_qk, M, ADDRESS_q, HALF_##T)
#define FSTORE(n, T)                                                                               \
	STORE_AT(n##_s, TYPE_##T, ADDRESS_s, ACC_##T)                                                  \
	STORE_AT(n##_a, TYPE_##T, ADDRESS_a, ACC_##T)                                                  \
	STORE_AT(n##_k, TYPE_##T, ADDRESS_k, ACC_##T)                                                  \
	STORE_AT(n##_p, TYPE_##T, ADDRESS_p, ACC_##T)                                                  \
	STORE_AT(n##_q, TYPE_##T, ADDRESS_q, ACC_##T)

/* ---- atomics: acc is a checked address (cell.h), so nothing faults here ---- */

#define ATOMIC_PLACE(M) ((_Atomic(M) *)(void *)PLACE(acc))
#define ATOMIC_RESULT(n, ...)                                                                      \
	HANDLER(n##_r)                                                                                 \
	{                                                                                              \
		__VA_ARGS__                                                                                \
		acc = v;                                                                                   \
		NEXT;                                                                                      \
	}                                                                                              \
	HANDLER(n##_w)                                                                                 \
	{                                                                                              \
		__VA_ARGS__                                                                                \
		acc = v;                                                                                   \
		fp[pc->a].i64 = acc;                                                                       \
		NEXT;                                                                                      \
	}
/* gcc 12 makes and, or and xor a loop around cmpxchg, whose address it may leave in two registers,
 * one of them the very rax that cmpxchg compares with. */
#define WHOLE_ADDRESS(place) __asm__("" : "+r"(place))
#define ATOMIC_LOAD(n, M) ATOMIC_RESULT(n, M v = atomic_load(ATOMIC_PLACE(M));)
#define ATOMIC_RMW(n, M, function)                                                                 \
	ATOMIC_RESULT(n, _Atomic(M) *place = ATOMIC_PLACE(M); WHOLE_ADDRESS(place);                    \
	              M v = function(place, (M)fp[pc->b].i64);)
#define ATOMIC_STORE(n, M)                                                                         \
	HANDLER(n)                                                                                     \
	{                                                                                              \
		atomic_store(ATOMIC_PLACE(M), (M)fp[pc->b].i64);                                           \
		NEXT;                                                                                      \
	}
/* The expected value is compared in full width: one that does not fit into M never equals. */
#define ATOMIC_CMPXCHG(n, M)                                                                       \
	ATOMIC_RESULT(n, M v = (M)fp[pc->b].i64;                                                       \
	              if (v != fp[pc->b].i64) v = atomic_load(ATOMIC_PLACE(M));                        \
	              else atomic_compare_exchange_strong(ATOMIC_PLACE(M), &v, (M)fp[pc->c].i64);)

/* ---- pairs (op_fused.def) ---- */

#define LOW_i32 pc->c
#define LOW_i64 ((uint64_t)(int64_t)(int32_t)pc->c)
#define FUSED(name, T, e)                                                                          \
	HANDLER(name##_r)                                                                              \
	{                                                                                              \
		SET_##T(e);                                                                                \
		NEXT;                                                                                      \
	}                                                                                              \
	HANDLER(name##_w)                                                                              \
	{                                                                                              \
		SET_##T(e);                                                                                \
		KEEP_##T(pc->a);                                                                           \
		NEXT;                                                                                      \
	}
#define FIRST(T, first, x, y) expr_##T##_##first(x, y)
#define SECOND(T, second, x, y) expr_##T##_##second(x, y)
#define FUSE_K(T, second, first)                                                                   \
	FUSED(T##_##second##_##first##_k_s, T,                                                         \
	      SECOND(T, second, FIRST(T, first, SLOT_##T(pc->b), LOW_##T), SHORT_##T))                 \
	FUSED(T##_##second##_##first##_k_a, T,                                                         \
	      SECOND(T, second, FIRST(T, first, ACC_##T, LOW_##T), SHORT_##T))
#define FUSE_X(T, second, first)                                                                   \
	FUSED(T##_##second##_##first##_x_as, T,                                                        \
	      SECOND(T, second, ACC_##T, FIRST(T, first, SLOT_##T(pc->b), SHORT_##T)))                 \
	FUSED(T##_##second##_##first##_x_sa, T,                                                        \
	      SECOND(T, second, SLOT_##T(pc->b), FIRST(T, first, ACC_##T, SHORT_##T)))                 \
	FUSED(T##_##second##_##first##_x_ss, T,                                                        \
	      SECOND(T, second, SLOT_##T(pc->c), FIRST(T, first, SLOT_##T(pc->b), SHORT_##T)))
#define FUSE_M(T, second, first)                                                                   \
	FUSED(T##_##second##_##first##_m_ss, T,                                                        \
	      SECOND(T, second, FIRST(T, first, SLOT_##T(pc->b), SLOT_##T(pc->c)), SHORT_##T))         \
	FUSED(T##_##second##_##first##_m_as, T,                                                        \
	      SECOND(T, second, FIRST(T, first, ACC_##T, SLOT_##T(pc->b)), SHORT_##T))
#define FUSE_S(T, second, first)                                                                   \
	FUSED(T##_##second##_##first##_s_ass, T,                                                       \
	      SECOND(T, second, ACC_##T, FIRST(T, first, SLOT_##T(pc->b), SLOT_##T(pc->c))))           \
	FUSED(T##_##second##_##first##_s_sss, T,                                                       \
	      SECOND(T, second, SLOT_##T(pc->d), FIRST(T, first, SLOT_##T(pc->b), SLOT_##T(pc->c))))

#define MEMORY_i32_load uint32_t
#define MEMORY_i32_load8_u uint8_t
#define MEMORY_i64_load uint64_t
#define MEMORY_f32_load float
#define MEMORY_f64_load double
/* An address of kind s whose offset is d: c holds x. */
#define ADDRESS_far ((uint64_t)fp[pc->b].i32 + pc->d)
#define FUSE_L(T, second, load)                                                                    \
	LOAD_BOTH(T##_##second##_##load##_l_a, MEMORY_##T##_##load, T, ADDRESS_p,                      \
	          SECOND(T, second, ACC_##T, v))                                                       \
	LOAD_BOTH(T##_##second##_##load##_l_s, MEMORY_##T##_##load, T, ADDRESS_far,                    \
	          SECOND(T, second, SLOT_##T(pc->c), v))

#define FUSE_C(T, second, first)                                                                   \
	FUSED(T##_##second##_##first##_c_as, T,                                                        \
	      SECOND(T, second, FIRST(T, first, ACC_##T, SLOT_##T(pc->b)), SLOT_##T(pc->c)))

/* Two addresses, as ADDRESS_p without an offset and as ADDRESS_s; the second one's number has 16
 * bits. */
#define ADDRESS_p_one ((uint64_t)(uint32_t)(fp[pc->b].i32 + pc->c))
#define ADDRESS_p_two ((uint64_t)(uint32_t)(fp[pc->d_low].i32 + pc->d_high))
#define ADDRESS_s_one ADDRESS_s
#define ADDRESS_s_two ((uint64_t)fp[pc->d_low].i32 + pc->d_high)
#define LOAD_TWO(name, M, T, kind, second, keep)                                                   \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		M v, w;                                                                                    \
		MARK_FAULT();                                                                              \
		__builtin_memcpy(&v, PLACE(ADDRESS_##kind##_one), sizeof v);                               \
		__builtin_memcpy(&w, PLACE(ADDRESS_##kind##_two), sizeof w);                               \
		HOLD_STATE();                                                                              \
		SET_##T(SECOND(T, second, v, w));                                                          \
		keep;                                                                                      \
		NEXT;                                                                                      \
	}
#define LOAD_TWO_BOTH(name, M, T, kind, second)                                                    \
	LOAD_TWO(name##_r, M, T, kind, second, (void)0)                                                \
	LOAD_TWO(name##_w, M, T, kind, second, KEEP_##T(pc->a))
#define FUSE_LL(T, second, load)                                                                   \
	LOAD_TWO_BOTH(T##_##second##_##load##_ll_p, MEMORY_##T##_##load, T, p, second)                 \
	LOAD_TWO_BOTH(T##_##second##_##load##_ll_s, MEMORY_##T##_##load, T, s, second)

#include "interp/exec_simd_ops.h"
#include "interp/op.def"
