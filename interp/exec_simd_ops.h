/* Handlers of the families in op_simd.def, for exec_ops.h alone. */

/* The 16 bytes in the cell behind. */
#define V_BEHIND v_read(pc + 1)

#define V_LANE(value) __attribute__((unused)) uint32_t lane = value;

/* A handler and the one that also keeps its result in slot a. `skip` cells of data stand behind. */
#define V_RESULT(name, U, skip, bind, expression)                                                  \
	HANDLER(name##_r)                                                                              \
	{                                                                                              \
		V_LANE(pc->d)                                                                              \
		bind SET_##U(expression);                                                                  \
		pc += skip;                                                                                \
		NEXT;                                                                                      \
	}                                                                                              \
	HANDLER(name##_w)                                                                              \
	{                                                                                              \
		V_LANE(pc->d)                                                                              \
		bind SET_##U(expression);                                                                  \
		KEEP_##U(pc->a);                                                                           \
		pc += skip;                                                                                \
		NEXT;                                                                                      \
	}

#define V_X(lanes, value) lanes x = (lanes)(value);
#define V_XY(lanes, first, second) V_X(lanes, first) lanes y = (lanes)(second);
#define V_XYZ(lanes, first, second, third) V_XY(lanes, first, second) lanes z = (lanes)(third);

#define V_UNARY(n, lanes, U, e)                                                                    \
	V_RESULT(n##_s, U, 0, V_X(lanes, SLOT_v128(pc->b)), e)                                         \
	V_RESULT(n##_a, U, 0, V_X(lanes, fv), e)

#define V_ORDERED(n, lanes, e)                                                                     \
	V_RESULT(n##_ss, v128, 0, V_XY(lanes, SLOT_v128(pc->b), SLOT_v128(pc->c)), e)                  \
	V_RESULT(n##_as, v128, 0, V_XY(lanes, fv, SLOT_v128(pc->c)), e)                                \
	V_RESULT(n##_sa, v128, 0, V_XY(lanes, SLOT_v128(pc->b), fv), e)
#define V_COMMUTE(n, lanes, e)                                                                     \
	V_RESULT(n##_ss, v128, 0, V_XY(lanes, SLOT_v128(pc->b), SLOT_v128(pc->c)), e)                  \
	V_RESULT(n##_as, v128, 0, V_XY(lanes, fv, SLOT_v128(pc->c)), e)                                \
	V_RESULT(n##_sk, v128, 1, V_XY(lanes, SLOT_v128(pc->b), V_BEHIND), e)                          \
	V_RESULT(n##_ak, v128, 1, V_XY(lanes, fv, V_BEHIND), e)

#define V_TERNARY(n, lanes, e)                                                                     \
	V_RESULT(n##_sss, v128, 0, V_XYZ(lanes, SLOT_v128(pc->b), SLOT_v128(pc->c), SLOT_v128(pc->d)), \
	         e)                                                                                    \
	V_RESULT(n##_ass, v128, 0, V_XYZ(lanes, fv, SLOT_v128(pc->c), SLOT_v128(pc->d)), e)            \
	V_RESULT(n##_sas, v128, 0, V_XYZ(lanes, SLOT_v128(pc->b), fv, SLOT_v128(pc->d)), e)            \
	V_RESULT(n##_ssa, v128, 0, V_XYZ(lanes, SLOT_v128(pc->b), SLOT_v128(pc->c), fv), e)

#define V_SCALAR(T, first, second)                                                                 \
	v128 x = first;                                                                                \
	TYPE_##T y = second;
#define V_REPLACE(n, T, e)                                                                         \
	V_RESULT(n##_ss, v128, 0, V_SCALAR(T, SLOT_v128(pc->b), SLOT_##T(pc->c)), e)                   \
	V_RESULT(n##_sa, v128, 0, V_SCALAR(T, SLOT_v128(pc->b), ACC_##T), e)                           \
	V_RESULT(n##_as, v128, 0, V_SCALAR(T, fv, SLOT_##T(pc->c)), e)                                 \
	V_RESULT(n##_aa, v128, 0, V_SCALAR(T, fv, ACC_##T), e)
#define V_SHIFT(n, e)                                                                              \
	V_REPLACE(n, i32, e)                                                                           \
	V_RESULT(n##_sk, v128, 0, V_SCALAR(i32, SLOT_v128(pc->b), pc->c), e)                           \
	V_RESULT(n##_ak, v128, 0, V_SCALAR(i32, fv, pc->c), e)

#define V_SHUFFLE(n)                                                                               \
	V_RESULT(n##_ss, v128, 1, V_XY(v128, SLOT_v128(pc->b), SLOT_v128(pc->c)),                      \
	         v_shuffle(x, y, V_BEHIND))                                                            \
	V_RESULT(n##_as, v128, 1, V_XY(v128, fv, SLOT_v128(pc->c)), v_shuffle(x, y, V_BEHIND))         \
	V_RESULT(n##_sa, v128, 1, V_XY(v128, SLOT_v128(pc->b), fv), v_shuffle(x, y, V_BEHIND))

/* ---- memory ---- */

/* The vector's slot is the lower half of d, the lane the upper one. */
#define V_LOAD_LANE_HANDLER(name, M, address, vector, e, keep)                                     \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		V_LANE(pc->d >> 16)                                                                        \
		v128 x = vector;                                                                           \
		M v;                                                                                       \
		MARK_FAULT();                                                                              \
		__builtin_memcpy(&v, PLACE(address), sizeof v);                                            \
		HOLD_STATE();                                                                              \
		SET_v128(e);                                                                               \
		keep;                                                                                      \
		NEXT;                                                                                      \
	}
#define V_LOAD_LANE_VARIANT(n, M, address, vector, e)                                              \
	V_LOAD_LANE_HANDLER(n##_r, M, address, vector, e, (void)0)                                     \
	V_LOAD_LANE_HANDLER(n##_w, M, address, vector, e, KEEP_v128(pc->a))
#define V_LOAD_LANE(n, M, e)                                                                       \
	V_LOAD_LANE_VARIANT(n##_ss, M, ADDRESS_s, SLOT_v128((uint16_t)pc->d), e)                       \
	V_LOAD_LANE_VARIANT(n##_sa, M, ADDRESS_s, fv, e)                                               \
	V_LOAD_LANE_VARIANT(n##_as, M, ADDRESS_a, SLOT_v128((uint16_t)pc->d), e)                       \
	V_LOAD_LANE_VARIANT(n##_aa, M, ADDRESS_a, fv, e)

/* Pairs and sums (op_fused.def); z is what was loaded last, y what was before it. */
#define V_FUSED_LOAD(name, load, e, keep)                                                          \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		loaded_##load v;                                                                           \
		MARK_FAULT();                                                                              \
		__builtin_memcpy(&v, PLACE(ADDRESS_p), sizeof v);                                          \
		HOLD_STATE();                                                                              \
		v128 z = value_##load(v);                                                                  \
		SET_v128(e);                                                                               \
		keep;                                                                                      \
		pc++;                                                                                      \
		NEXT;                                                                                      \
	}
#define V_FUSED_LOAD_BOTH(name, load, e)                                                           \
	V_FUSED_LOAD(name##_r, load, e, (void)0)                                                       \
	V_FUSED_LOAD(name##_w, load, e, KEEP_v128(pc->a))
#define ADDRESS_behind ((uint64_t)(uint32_t)(fp[pc[1].b].i32 + pc[1].c) + pc[1].d)
#define V_FUSED_TWO(name, load, e, keep)                                                           \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		loaded_##load v, w;                                                                        \
		MARK_FAULT();                                                                              \
		__builtin_memcpy(&v, PLACE(ADDRESS_p), sizeof v);                                          \
		__builtin_memcpy(&w, PLACE(ADDRESS_behind), sizeof w);                                     \
		HOLD_STATE();                                                                              \
		v128 y = value_##load(v);                                                                  \
		v128 z = value_##load(w);                                                                  \
		SET_v128(e);                                                                               \
		keep;                                                                                      \
		pc++;                                                                                      \
		NEXT;                                                                                      \
	}
#define V_FUSED_TWO_BOTH(name, load, e)                                                            \
	V_FUSED_TWO(name##_r, load, e, (void)0)                                                        \
	V_FUSED_TWO(name##_w, load, e, KEEP_v128(pc->a))
#define FUSE_V_LOADS(second, load)                                                                 \
	V_FUSED_LOAD_BOTH(second##_##load##_l_a, load, expr_##second(fv, z))                           \
	V_FUSED_LOAD_BOTH(second##_##load##_l_s, load, expr_##second(SLOT_v128(pc[1].b), z))           \
	V_FUSED_TWO_BOTH(second##_##load##_ll, load, expr_##second(y, z))
#define V_SUM(third, second, x, y, z) expr_##third(x, expr_##second(y, z))
#define FUSE_V_SUM(third, second)                                                                  \
	FUSED(third##_##second##_ass, v128,                                                            \
	      V_SUM(third, second, fv, SLOT_v128(pc->b), SLOT_v128(pc->c)))                            \
	FUSED(third##_##second##_sss, v128,                                                            \
	      V_SUM(third, second, SLOT_v128(pc->d), SLOT_v128(pc->b), SLOT_v128(pc->c)))              \
	FUSED(third##_##second##_sas, v128,                                                            \
	      V_SUM(third, second, SLOT_v128(pc->d), fv, SLOT_v128(pc->c)))                            \
	V_FUSED_LOAD_BOTH(third##_##second##_l_as, v128_load,                                          \
	                  V_SUM(third, second, fv, SLOT_v128(pc[1].b), z))                             \
	V_FUSED_LOAD_BOTH(third##_##second##_l_ss, v128_load,                                          \
	                  V_SUM(third, second, SLOT_v128(pc[1].a), SLOT_v128(pc[1].b), z))             \
	V_FUSED_LOAD_BOTH(third##_##second##_l_sa, v128_load,                                          \
	                  V_SUM(third, second, SLOT_v128(pc[1].a), fv, z))                             \
	V_FUSED_TWO_BOTH(third##_##second##_ll_a, v128_load, V_SUM(third, second, fv, y, z))           \
	V_FUSED_TWO_BOTH(third##_##second##_ll_s, v128_load,                                           \
	                 V_SUM(third, second, SLOT_v128(pc[1].a), y, z))

#define V_STORE_HANDLER(name, M, address, vector, e)                                               \
	HANDLER(name)                                                                                  \
	{                                                                                              \
		V_LANE(pc->d)                                                                              \
		v128 x = vector;                                                                           \
		M v = e;                                                                                   \
		MARK_FAULT();                                                                              \
		__builtin_memcpy(PLACE(address), &v, sizeof v);                                            \
		HOLD_STATE();                                                                              \
		NEXT;                                                                                      \
	}
#define V_STORE_LANE(n, M, e)                                                                      \
	V_STORE_HANDLER(n##_ss, M, ADDRESS_s, SLOT_v128(pc->a), e)                                     \
	V_STORE_HANDLER(n##_sa, M, ADDRESS_s, fv, e)                                                   \
	V_STORE_HANDLER(n##_as, M, ADDRESS_a, SLOT_v128(pc->a), e)                                     \
	V_STORE_HANDLER(n##_aa, M, ADDRESS_a, fv, e)
#define V_STORE(n)                                                                                 \
	V_STORE_LANE(n, v128, x)                                                                       \
	V_STORE_HANDLER(n##_ks, v128, ADDRESS_k, SLOT_v128(pc->a), x)                                  \
	V_STORE_HANDLER(n##_ka, v128, ADDRESS_k, fv, x)
