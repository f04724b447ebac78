/* Inside interp/: register code.
 *
 * A function is a row of 16-byte cells. A cell names its handler by the distance from a place in
 * the executable (exec_base()), so code is position independent; jumps count bytes from the cell
 * that holds them.
 *
 *      0        4    6    8        12       16
 *     | handler | a  | b  | c      | d      |
 *     |         |    |    | k (64 bits)     |
 *
 * Frame of a call, in slots of 8 bytes from fp (i32 and references fill a slot whole, f32 only its
 * lower half, v128 takes two):
 *
 *     | params … | header | locals … | operands by height … |
 *     | results …|
 *
 * The header stands behind whichever of params and results is longer and holds the caller's pc (the
 * cell of its call, whose `a` is the distance between the two frames). The callee's frame starts at
 * the caller's outgoing arguments, so arguments and results are never copied. */
#ifndef INTERP_CELL_H
#define INTERP_CELL_H

#include <stdint.h>

struct cell {
	int32_t handler;
	uint16_t a;
	uint16_t b;
	union {
		struct {
			union {
				uint32_t c;
				int32_t jump;
			};
			union {
				uint32_t d;
				struct {
					uint16_t d_low;
					uint16_t d_high;
				};
			};
		};
		uint64_t k;
		float k_f32;
		double k_f64;
	};
};
_Static_assert(sizeof(struct cell) == 16, "cells are 16 bytes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the low half of d comes first");

union slot {
	uint64_t i64;
	uint32_t i32;
	float f32;
	double f64;
	const struct cell *pc;
};
_Static_assert(sizeof(union slot) == 8, "slots are 8 bytes");

/* Every call advances the frame by this many slots at least, so that the native stack, which takes
 * a bounded number of bytes a call, lasts longer than the frame stack. */
#define FRAME_ADVANCE_MIN 2

/* Behind the cell of a tail call stands one row of data: a the header's slot in the caller's frame,
 * b the slots that the arguments take. */
#define TAIL_ROW 1

/* Accumulator classes. */
enum acc_class { CLASS_INT, CLASS_F32, CLASS_F64, CLASS_V128, CLASS_COUNT };

/* Operations without operand variants. Row: name, what it does. fp[x] is a frame slot. */
#define PLAIN_OPS(X)                                                                               \
	X(lazy)   /* the function in acc is not lowered yet: lower it, go there */                     \
	X(halt)   /* end of a run */                                                                   \
	X(enter)  /* fp[a .. a+b) = 0: the declared locals */                                          \
	X(enter1) /* when there is one of them, or two */                                              \
	X(enter2)                                                                                      \
	X(enter_meter) /* the same with what meter does */                                             \
	X(enter1_meter)                                                                                \
	X(enter2_meter)                                                                                \
	X(meter)        /* c units of fuel are used; only in code of stores that have a limit */       \
	X(trap)         /* trap with code c */                                                         \
	X(move_s)       /* fp[a] = fp[b], 64 bits */                                                   \
	X(move_s32)     /* fp[a] = fp[b], f32 */                                                       \
	X(move_s128)    /* fp[a] = fp[b], v128 */                                                      \
	X(move2_s)      /* fp[a] = fp[b], then fp[c] = fp[d] */                                        \
	X(move3_s)      /* and once more: c and d hold two slots each, the first in the low half */    \
	X(sum_s)        /* fp[a] = the i32 fp[b] + c; acc stays as it is */                            \
	X(move_a)       /* fp[a] = acc */                                                              \
	X(move_f)       /* fp[a] = ff */                                                               \
	X(move_d)       /* fp[a] = fd */                                                               \
	X(move_v)       /* fp[a] = fv */                                                               \
	X(const_s)      /* fp[a] = k */                                                                \
	X(const_s128)   /* fp[a] = the 16 bytes in the cell behind */                                  \
	X(const_v)      /* fv = the same */                                                            \
	X(jump)         /* to jump */                                                                  \
	X(move_jump)    /* fp[a] = fp[b], then to jump */                                              \
	X(add_jump_i32) /* fp[a] = the i32 fp[b] + d, then to jump; the same for i64 */                \
	X(add_jump_i64)                                                                                \
	X(add_move_jump_i32) /* fp[d_low] += d_high, signed; then fp[a] = fp[b], then to jump */       \
	X(add_move_jump_i64)                                                                           \
	X(jump_nz_s) /* to jump when the i32 fp[b] is not 0; the same from acc; when it is 0 */        \
	X(jump_nz_a)                                                                                   \
	X(jump_z_s)                                                                                    \
	X(jump_z_a)                                                                                    \
	X(jump_nz64_s) /* the same for i64 and references */                                           \
	X(jump_nz64_a)                                                                                 \
	X(jump_z64_s)                                                                                  \
	X(jump_z64_a)                                                                                  \
	X(load_next)         /* fp[a] = acc = guess = the i32 in memory at fp[a] + c */                \
	X(load_next_jump_nz) /* at fp[a] + d, then to jump when it is not 0; or is */                  \
	X(load_next_jump_z)                                                                            \
	X(table_jump_s) /* by the i32 fp[b], at most c: c+1 jumps stand in the cells behind it */      \
	X(table_jump_a)                                                                                \
	X(table_jump_load8) /* by the byte in memory at fp[b] + d */                                   \
	X(select_i_s_r)     /* acc = fp[d] != 0 ? fp[b] : fp[c]; condition from acc; also fp[a] */     \
	X(select_i_s_w)                                                                                \
	X(select_i_a_r)                                                                                \
	X(select_i_a_w)                                                                                \
	X(select_f_s_r)                                                                                \
	X(select_f_s_w)                                                                                \
	X(select_f_a_r)                                                                                \
	X(select_f_a_w)                                                                                \
	X(select_d_s_r)                                                                                \
	X(select_d_s_w)                                                                                \
	X(select_d_a_r)                                                                                \
	X(select_d_a_w)                                                                                \
	X(select_v_s_r)                                                                                \
	X(select_v_s_w)                                                                                \
	X(select_v_a_r)                                                                                \
	X(select_v_a_w)                                                                                \
	X(global_get_i_r) /* the instance's own global in slot c */                                    \
	X(global_get_i_w)                                                                              \
	X(global_get_f_r)                                                                              \
	X(global_get_f_w)                                                                              \
	X(global_get_d_r)                                                                              \
	X(global_get_d_w)                                                                              \
	X(global_get_v_r)                                                                              \
	X(global_get_v_w)                                                                              \
	X(global_get_far) /* fp[a] = global c of the index space, imported or not */                   \
	X(global_get_far128)                                                                           \
	X(global_set_s) /* own global c = fp[b] */                                                     \
	X(global_set_s32)                                                                              \
	X(global_set_s128)                                                                             \
	X(global_set_a)                                                                                \
	X(global_set_v)                                                                                \
	X(global_set_k)   /* own global b = k */                                                       \
	X(global_set_far) /* global c of the index space = fp[b] */                                    \
	X(global_set_far128)                                                                           \
	X(call)      /* own function c, frame at fp[a], header at d */                                 \
	X(call_near) /* c is the way to the function, as a jump; so are the cells of calls below once  \
	                they ran */                                                                    \
	X(call_move) /* as call, and the last argument comes from fp[b]; d: header, 16 bits */         \
	X(call_move_near)                                                                              \
	X(call_move2) /* the last two from fp[b] and fp[the high 16 bits of d] */                      \
	X(call_move2_near)                                                                             \
	X(call_sum) /* the last is the i32 fp[b] + the high 16 bits of d, signed */                    \
	X(call_sum_near)                                                                               \
	X(call_import)     /* imported function c, frame at fp[a] */                                   \
	X(call_indirect_s) /* frame at fp[a], index fp[b], type c, table d */                          \
	X(call_indirect_a)                                                                             \
	X(call_indirect_move) /* as call_indirect_a, and the last argument comes from fp[b] */         \
	X(return_none)        /* header at a, here and below */                                        \
	X(return_s)           /* fp[0] = acc = fp[b] */                                                \
	X(return_s32)                                                                                  \
	X(return_s128)                                                                                 \
	X(return_a)                                                                                    \
	X(return_f)                                                                                    \
	X(return_d)                                                                                    \
	X(return_v)                                                                                    \
	X(return_add)        /* fp[0] = acc = the i32 fp[b] + fp[c] */                                 \
	X(return_k)          /* header at a, fp[0] = acc = k */                                        \
	X(return_none_meter) /* the same, and d units of fuel are used */                              \
	X(return_s_meter)                                                                              \
	X(return_a_meter)                                                                              \
	X(return_d_meter)                                                                              \
	X(return_add_meter)                                                                            \
	X(address_s32) /* acc = where k + fp[b] lies, see below */                                     \
	X(address_s64)                                                                                 \
	X(address_a)                                                                                   \
	X(address_k)                                                                                   \
	X(aligned_s32) /* the same for atomics: traps too when it is no multiple of the size */        \
	X(aligned_s64)                                                                                 \
	X(aligned_a)                                                                                   \
	X(aligned_k)                                                                                   \
	X(memory_size) /* acc = fp[a] = pages of memory c */                                           \
	X(memory_grow) /* fp[a] = memory_grow(memory c, fp[b]) */                                      \
	X(memory_fill) /* operands at fp[b], fp[b+1], fp[b+2]; memory c, here and below */             \
	X(memory_copy) /* memory c from memory d */                                                    \
	X(memory_init) /* memory d from data segment c */                                              \
	X(data_drop)                                                                                   \
	X(table_get)  /* fp[a] = table c [fp[b]] */                                                    \
	X(table_set)  /* table c [fp[b]] = fp[b+1] */                                                  \
	X(table_size) /* fp[a] = size of table c */                                                    \
	X(table_grow) /* fp[a] = table_grow(table c, value fp[b], count fp[b+1]) */                    \
	X(table_fill) /* table c: index fp[b], value fp[b+1], count fp[b+2] */                         \
	X(table_copy) /* table c from table d */                                                       \
	X(table_init) /* table d from element segment c */                                             \
	X(elem_drop)                                                                                   \
	X(ref_func) /* fp[a] = reference to function c */                                              \
	X(add128)   /* fp[a], fp[a+1] = (fp[b], fp[low half of c]) + (fp[high half], fp[d]) */         \
	X(sub128)                                                                                      \
	X(mul_wide_s) /* fp[a], fp[a+1] = 128-bit product of fp[b] and fp[c] */                        \
	X(mul_wide_u)                                                                                  \
	X(atomic_fence)                                                                                \
	X(atomic_wait32) /* at the checked address acc: expected fp[b], timeout fp[c]; acc = fp[a] */  \
	X(atomic_wait64)                                                                               \
	X(null_check_s) /* trap c when the reference fp[b] is null; from acc */                        \
	X(null_check_a)                                                                                \
	X(ref_test)   /* acc = does the reference fp[b] match the value type c? */                     \
	X(ref_cast)   /* trap when it does not */                                                      \
	X(call_ref_s) /* function fp[b], frame at fp[a]; from acc */                                   \
	X(call_ref_a)                                                                                  \
	X(return_call) /* own function c; arguments at fp[a], header at d; TAIL_ROW, here and below */ \
	X(return_call_import)                                                                          \
	X(return_call_indirect_s) /* index fp[b], type c, table d */                                   \
	X(return_call_indirect_a)                                                                      \
	X(return_call_ref_s)                                                                           \
	X(return_call_ref_a)                                                                           \
	X(keep_native) /* the frame's native state into NATIVE_SLOTS from fp[a] on */                  \
	X(throw)       /* tag c, arguments from fp[b] on */                                            \
	X(throw_ref)   /* the exception fp[b] */                                                       \
	X(struct_new)  /* of type c, here and below; fp[a] and operands from fp[b] as in gc.c */       \
	X(struct_new_default)                                                                          \
	X(field_set_8) /* slot c of struct fp[b] = fp[a], the lowest 8 bits, here and below */         \
	X(field_set_16)                                                                                \
	X(field_set_32)                                                                                \
	X(field_set_64)                                                                                \
	X(field_set_128)                                                                               \
	X(array_new)                                                                                   \
	X(array_new_default)                                                                           \
	X(array_new_fixed) /* of d elements */                                                         \
	X(array_new_data)  /* segment d */                                                             \
	X(array_new_elem)                                                                              \
	X(array_get_s8) /* accumulator = fp[a] = element fp[c] of array fp[b], here and below */       \
	X(array_get_u8)                                                                                \
	X(array_get_s16)                                                                               \
	X(array_get_u16)                                                                               \
	X(array_get_i32)                                                                               \
	X(array_get_i64)                                                                               \
	X(array_get_f32)                                                                               \
	X(array_get_f64)                                                                               \
	X(array_get_v128)                                                                              \
	X(array_set_8) /* element fp[c] of array fp[b] = fp[a], here and below */                      \
	X(array_set_16)                                                                                \
	X(array_set_32)                                                                                \
	X(array_set_64)                                                                                \
	X(array_set_128)                                                                               \
	X(array_fill)                                                                                  \
	X(array_copy)                                                                                  \
	X(array_init_data)                                                                             \
	X(array_init_elem)

/* Jumps of which there is one, …_meter, that goes back to a loop and pays for the round that it
 * begins: the cell that it goes to is the loop's meter, it does what that does, and goes on behind
 * it. So are those of VARIANTS_COMPARE_JUMPS. Only a branch on a reference that is not null would
 * go back by jump_nz64_…. */
#define PAYING_JUMPS(V)                                                                            \
	V(jump)                                                                                        \
	V(move_jump)                                                                                   \
	V(add_jump_i32)                                                                                \
	V(add_jump_i64)                                                                                \
	V(add_move_jump_i32)                                                                           \
	V(add_move_jump_i64)                                                                           \
	V(jump_nz_s)                                                                                   \
	V(jump_nz_a)                                                                                   \
	V(jump_z_s)                                                                                    \
	V(jump_z_a)                                                                                    \
	V(jump_z64_s)                                                                                  \
	V(jump_z64_a)                                                                                  \
	V(load_next_jump_nz)                                                                           \
	V(load_next_jump_z)

/* address_… and aligned_… check an access of `size` bytes at an index plus the 64-bit offset k in
 * any memory (a is address_check(memory, size)), and leave in acc the place relative to memory 0:
 * base + index + k - mem, modulo 2^64. So the access itself is made by the same handlers as one to
 * memory 0, in their variant that takes the address from acc, with offset 0. */
static inline uint16_t address_check(uint32_t memory, uint32_t size)
{
	return (uint16_t)(memory << 5 | size); /* memories: LOAD_LIMIT_MEMORIES is far below 2^11 */
}

static inline uint32_t address_check_memory(uint16_t check)
{
	return check >> 5;
}

static inline uint32_t address_check_size(uint16_t check)
{
	return check & 31;
}

/* The variants of each kind of row in op.def, in the order of their numbers. */
#define VARIANTS_COMMUTE(V, n)                                                                     \
	V(n##_ss_r) V(n##_ss_w) V(n##_sk_r) V(n##_sk_w) V(n##_as_r) V(n##_as_w) V(n##_ak_r) V(n##_ak_w)
#define VARIANTS_ORDERED(V, n)                                                                     \
	VARIANTS_COMMUTE(V, n)                                                                         \
	V(n##_ks_r) V(n##_ks_w) V(n##_sa_r) V(n##_sa_w) V(n##_ka_r) V(n##_ka_w)
#define VARIANTS_COMPARE_JUMPS(V, n)                                                               \
	V(n##_br_ss) V(n##_br_sk) V(n##_br_as) V(n##_br_ak) V(n##_step_s) V(n##_step_k)
#define VARIANTS_COMPARE(V, n) VARIANTS_COMMUTE(V, n) VARIANTS_COMPARE_JUMPS(V, n)
#define VARIANTS_FCOMPARE(V, n)                                                                    \
	VARIANTS_COMMUTE(V, n)                                                                         \
	V(n##_br_ss)                                                                                   \
	V(n##_br_sk) V(n##_br_as) V(n##_br_ak) V(n##_un_ss) V(n##_un_sk) V(n##_un_as) V(n##_un_ak)
#define VARIANTS_UNARY(V, n) V(n##_s_r) V(n##_s_w) V(n##_a_r) V(n##_a_w)
#define VARIANTS_LOAD(V, n) VARIANTS_LOAD_AT(V, n) VARIANTS_LOAD_AT_SUM(V, n)
#define VARIANTS_LOAD_AT(V, n) V(n##_s_r) V(n##_s_w) V(n##_a_r) V(n##_a_w) V(n##_k_r) V(n##_k_w)
#define VARIANTS_LOAD_AT_SUM(V, n)                                                                 \
	V(n##_p_r)                                                                                     \
	V(n##_p_w)                                                                                     \
	V(n##_q_r) V(n##_q_w) V(n##_u_r) V(n##_u_w) V(n##_v_r) V(n##_v_w) V(n##_t_r) V(n##_t_w)
#define VARIANTS_STORE(V, n)                                                                       \
	V(n##_ss)                                                                                      \
	V(n##_sa)                                                                                      \
	V(n##_sk)                                                                                      \
	V(n##_as)                                                                                      \
	V(n##_ak) V(n##_ks) V(n##_ka) V(n##_ps) V(n##_pa) V(n##_pk) V(n##_qs) V(n##_qa) V(n##_qk)
#define VARIANTS_FSTORE(V, n) V(n##_s) V(n##_a) V(n##_k) V(n##_p) V(n##_q)
/* Atomics take the checked address from acc and the values from slots b and c. */
#define VARIANTS_ATOMIC(V, n) V(n##_r) V(n##_w)

/* The same of op_fused.def. */
#define VARIANTS_FUSE_K(V, n) V(n##_k_s_r) V(n##_k_s_w) V(n##_k_a_r) V(n##_k_a_w)
#define VARIANTS_FUSE_X(V, n)                                                                      \
	V(n##_x_as_r) V(n##_x_as_w) V(n##_x_sa_r) V(n##_x_sa_w) V(n##_x_ss_r) V(n##_x_ss_w)
#define VARIANTS_FUSE_M(V, n) V(n##_m_ss_r) V(n##_m_ss_w) V(n##_m_as_r) V(n##_m_as_w)
#define VARIANTS_FUSE_S(V, n) V(n##_s_ass_r) V(n##_s_ass_w) V(n##_s_sss_r) V(n##_s_sss_w)
#define VARIANTS_FUSE_L(V, n) V(n##_l_a_r) V(n##_l_a_w) V(n##_l_s_r) V(n##_l_s_w)
#define VARIANTS_FUSE_C(V, n) V(n##_c_as_r) V(n##_c_as_w)
#define VARIANTS_FUSE_LL(V, n) V(n##_ll_p_r) V(n##_ll_p_w) V(n##_ll_s_r) V(n##_ll_s_w)
#define VARIANTS_FUSE_V_LOADS(V, n)                                                                \
	V(n##_l_a_r) V(n##_l_a_w) V(n##_l_s_r) V(n##_l_s_w) V(n##_ll_r) V(n##_ll_w)
#define VARIANTS_FUSE_V_SUM(V, n) VARIANTS_FUSE_V_SUM_SLOTS(V, n) VARIANTS_FUSE_V_SUM_LOADS(V, n)
#define VARIANTS_FUSE_V_SUM_SLOTS(V, n)                                                            \
	V(n##_ass_r) V(n##_ass_w) V(n##_sss_r) V(n##_sss_w) V(n##_sas_r) V(n##_sas_w)
#define VARIANTS_FUSE_V_SUM_LOADS(V, n)                                                            \
	V(n##_l_as_r)                                                                                  \
	V(n##_l_as_w)                                                                                  \
	V(n##_l_ss_r)                                                                                  \
	V(n##_l_ss_w)                                                                                  \
	V(n##_l_sa_r) V(n##_l_sa_w) V(n##_ll_a_r) V(n##_ll_a_w) V(n##_ll_s_r) V(n##_ll_s_w)

/* The same of op_simd.def. */
#define VARIANTS_V_COMMUTE(V, n)                                                                   \
	V(n##_ss_r) V(n##_ss_w) V(n##_as_r) V(n##_as_w) V(n##_sk_r) V(n##_sk_w) V(n##_ak_r) V(n##_ak_w)
#define VARIANTS_V_ORDERED(V, n)                                                                   \
	V(n##_ss_r) V(n##_ss_w) V(n##_as_r) V(n##_as_w) V(n##_sa_r) V(n##_sa_w)
#define VARIANTS_V_TERNARY(V, n)                                                                   \
	V(n##_sss_r)                                                                                   \
	V(n##_sss_w) V(n##_ass_r) V(n##_ass_w) V(n##_sas_r) V(n##_sas_w) V(n##_ssa_r) V(n##_ssa_w)
#define VARIANTS_V_SCALAR(V, n)                                                                    \
	V(n##_ss_r) V(n##_ss_w) V(n##_sa_r) V(n##_sa_w) V(n##_as_r) V(n##_as_w) V(n##_aa_r) V(n##_aa_w)
#define VARIANTS_V_SHIFT(V, n)                                                                     \
	VARIANTS_V_SCALAR(V, n) V(n##_sk_r) V(n##_sk_w) V(n##_ak_r) V(n##_ak_w)
#define VARIANTS_V_STORE_LANE(V, n) V(n##_ss) V(n##_sa) V(n##_as) V(n##_aa)
#define VARIANTS_V_STORE(V, n) VARIANTS_V_STORE_LANE(V, n) V(n##_ks) V(n##_ka)

enum op {
#define X(name) OP_##name,
	PLAIN_OPS(X)
#undef X
#define V(name) OP_##name,
#include "interp/variants.h"
#undef V
	    OP_COUNT
};

#endif
