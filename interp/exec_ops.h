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
	BINARY_BODY(T, U, X, Y, check, expression, (void)0) HANDLER(n##_##variant##_w)                 \
	    BINARY_BODY(T, U, X, Y, check, expression, KEEP_##U(pc->a))

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
#define BRANCH(n, variant, T, X, Y, condition)                                                     \
	HANDLER(n##_##variant)                                                                         \
	{                                                                                              \
		TYPE_##T x = X;                                                                            \
		TYPE_##T y = Y;                                                                            \
		if (condition)                                                                             \
			JUMP;                                                                                  \
		NEXT;                                                                                      \
	}
#define SHORT_i32 pc->d
#define SHORT_i64 ((uint64_t)(int64_t)(int32_t)pc->d)
#define COMPARE(n, T, e, swapped, inverse)                                                         \
	BINARY_COMMUTE(n, T, i32, , e)                                                                 \
	BRANCH(n, br_ss, T, SLOT_##T(pc->b), SLOT_##T(pc->a), e)                                       \
	BRANCH(n, br_sk, T, SLOT_##T(pc->b), SHORT_##T, e)                                             \
	BRANCH(n, br_as, T, ACC_##T, SLOT_##T(pc->a), e)                                               \
	BRANCH(n, br_ak, T, ACC_##T, SHORT_##T, e)
#define FCOMPARE(n, T, e, swapped)                                                                 \
	BINARY_COMMUTE(n, T, i32, , e)                                                                 \
	BRANCH(n, br_ss, T, SLOT_##T(pc->b), SLOT_##T(pc->a), e)                                       \
	BRANCH(n, br_as, T, ACC_##T, SLOT_##T(pc->a), e)                                               \
	BRANCH(n, un_ss, T, SLOT_##T(pc->b), SLOT_##T(pc->a), !(e))                                    \
	BRANCH(n, un_as, T, ACC_##T, SLOT_##T(pc->a), !(e))

#define UNARY_BODY(T, U, X, check, expression, keep)                                               \
	{                                                                                              \
		TYPE_##T x = X;                                                                            \
		check SET_##U(expression);                                                                 \
		keep;                                                                                      \
		NEXT;                                                                                      \
	}
#define UNARY(n, T, U, check, e)                                                                   \
	HANDLER(n##_s_r)                                                                               \
	UNARY_BODY(T, U, SLOT_##T(pc->b), check, e, (void)0) HANDLER(n##_s_w)                          \
	    UNARY_BODY(T, U, SLOT_##T(pc->b), check, e, KEEP_##U(pc->a)) HANDLER(n##_a_r)              \
	        UNARY_BODY(T, U, ACC_##T, check, e, (void)0) HANDLER(n##_a_w)                          \
	            UNARY_BODY(T, U, ACC_##T, check, e, KEEP_##U(pc->a))

#define INNER UNARY
#define FIELD_OF(x) ((const struct object *)(uintptr_t)(x))->slots[pc->c]

/* Memory 0 lies in a reservation that spans every 32-bit address plus every 32-bit offset, so an
 * access out of bounds faults (memory.c, trap.c). A constant address has its offset added in k. */
#define ADDRESS_s ((uint64_t)fp[pc->b].i32 + pc->c)
#define ADDRESS_a (acc + pc->c)
#define ADDRESS_k pc->k

#define LOAD_BODY(M, U, address, e, keep)                                                          \
	{                                                                                              \
		M v;                                                                                       \
		MARK_FAULT();                                                                              \
		__builtin_memcpy(&v, PLACE(address), sizeof v);                                            \
		HOLD_STATE();                                                                              \
		SET_##U(e);                                                                                \
		keep;                                                                                      \
		NEXT;                                                                                      \
	}
#define LOAD(n, M, U, e)                                                                           \
	HANDLER(n##_s_r)                                                                               \
	LOAD_BODY(M, U, ADDRESS_s, e, (void)0) HANDLER(n##_s_w)                                        \
	    LOAD_BODY(M, U, ADDRESS_s, e, KEEP_##U(pc->a)) HANDLER(n##_a_r)                            \
	        LOAD_BODY(M, U, ADDRESS_a, e, (void)0) HANDLER(n##_a_w)                                \
	            LOAD_BODY(M, U, ADDRESS_a, e, KEEP_##U(pc->a)) HANDLER(n##_k_r)                    \
	                LOAD_BODY(M, U, ADDRESS_k, e, (void)0) HANDLER(n##_k_w)                        \
	                    LOAD_BODY(M, U, ADDRESS_k, e, KEEP_##U(pc->a))

#define STORE_BODY(M, address, value)                                                              \
	{                                                                                              \
		M v = (M)(value);                                                                          \
		MARK_FAULT();                                                                              \
		__builtin_memcpy(PLACE(address), &v, sizeof v);                                            \
		HOLD_STATE();                                                                              \
		NEXT;                                                                                      \
	}
#define STORE(n, T, M)                                                                             \
	HANDLER(n##_ss)                                                                                \
	STORE_BODY(M, ADDRESS_s, SLOT_##T(pc->a)) HANDLER(n##_sa) STORE_BODY(M, ADDRESS_s, ACC_##T)    \
	    HANDLER(n##_sk) STORE_BODY(M, ADDRESS_s, SHORT_##T) HANDLER(n##_as)                        \
	        STORE_BODY(M, ADDRESS_a, SLOT_##T(pc->a)) HANDLER(n##_ak)                              \
	            STORE_BODY(M, ADDRESS_a, SHORT_##T) HANDLER(n##_ks)                                \
	                STORE_BODY(M, ADDRESS_k, SLOT_##T(pc->a)) HANDLER(n##_ka)                      \
	                    STORE_BODY(M, ADDRESS_k, ACC_##T)
#define FSTORE(n, T)                                                                               \
	HANDLER(n##_s)                                                                                 \
	STORE_BODY(TYPE_##T, ADDRESS_s, ACC_##T) HANDLER(n##_a)                                        \
	    STORE_BODY(TYPE_##T, ADDRESS_a, ACC_##T) HANDLER(n##_k)                                    \
	        STORE_BODY(TYPE_##T, ADDRESS_k, ACC_##T)

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

#include "interp/exec_simd_ops.h"
#include "interp/op.def"
