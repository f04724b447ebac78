/* The instruction table (insn.def) as C sees it. */
#ifndef VALIDATOR_INSN_H
#define VALIDATOR_INSN_H

#include "validator/feature.h"
#include "validator/types.h"

enum insn_id {
#define INSN(id, prefix, code, mnemonic, immediate, signature, align, feature) INSN_##id,
#include "validator/insn.def"
	INSN_COUNT
};

/* What stands behind the opcode in the binary format (spec: 5.4). */
#define IMMEDIATES(X)                                                                              \
	X(NONE)                                                                                        \
	X(BLOCK) /* block type */                                                                      \
	X(LABEL)                                                                                       \
	X(LABELS) /* vector of labels, default label */                                                \
	X(FUNC)                                                                                        \
	X(TYPE)                                                                                        \
	X(TYPES)      /* vector of value types */                                                      \
	X(TYPE_TABLE) /* type index, table index */                                                    \
	X(TYPE_FIELD) /* type index, field index */                                                    \
	X(TYPE_COUNT) /* type index, number of elements */                                             \
	X(TYPE_DATA)                                                                                   \
	X(TYPE_ELEM)                                                                                   \
	X(TYPE_TYPE)                                                                                   \
	X(LOCAL)                                                                                       \
	X(GLOBAL)                                                                                      \
	X(TABLE)                                                                                       \
	X(TABLE_TABLE) /* destination, source */                                                       \
	X(MEMORY)                                                                                      \
	X(MEMORY_MEMORY) /* destination, source */                                                     \
	X(MEMARG)        /* alignment, memory index, offset */                                         \
	X(MEMARG_LANE)   /* and the index of a lane */                                                 \
	X(DATA)                                                                                        \
	X(DATA_MEMORY)                                                                                 \
	X(ELEM)                                                                                        \
	X(ELEM_TABLE)                                                                                  \
	X(I32)                                                                                         \
	X(I64)                                                                                         \
	X(F32)                                                                                         \
	X(F64)                                                                                         \
	X(V128) /* 16 bytes */                                                                         \
	X(LANE)                                                                                        \
	X(SHUFFLE) /* 16 lane indices */                                                               \
	X(HEAP)    /* heap type */                                                                     \
	X(CAST)    /* flags, label, two heap types */                                                  \
	X(TAG)                                                                                         \
	X(TRY_TABLE) /* block type, vector of catch clauses */                                         \
	X(ZERO)      /* a zero byte */

enum immediate {
#define X(name) IMM_##name,
	IMMEDIATES(X)
#undef X
};

/* Signatures: name, number of parameters and results, their kinds. SIG_ADDRESS stands for the
 * address type of the memory that the instruction names. */
enum {
	SIG_I32 = VAL_KIND_I32,
	SIG_I64 = VAL_KIND_I64,
	SIG_F32 = VAL_KIND_F32,
	SIG_F64 = VAL_KIND_F64,
	SIG_V128 = VAL_KIND_V128,
	SIG_ADDRESS = 7,
};

/* clang-format off */
#define SIGNATURES(X) \
	X(HAND, 0, 0, (0), (0)) \
	X(FF_F, 2, 1, (SIG_F64, SIG_F64), (SIG_F64)) \
	X(FF_i, 2, 1, (SIG_F64, SIG_F64), (SIG_I32)) \
	X(F_F, 1, 1, (SIG_F64), (SIG_F64)) \
	X(F_I, 1, 1, (SIG_F64), (SIG_I64)) \
	X(F_f, 1, 1, (SIG_F64), (SIG_F32)) \
	X(F_i, 1, 1, (SIG_F64), (SIG_I32)) \
	X(F_v, 1, 1, (SIG_F64), (SIG_V128)) \
	X(IIII_II, 4, 2, (SIG_I64, SIG_I64, SIG_I64, SIG_I64), (SIG_I64, SIG_I64)) \
	X(II_I, 2, 1, (SIG_I64, SIG_I64), (SIG_I64)) \
	X(II_II, 2, 2, (SIG_I64, SIG_I64), (SIG_I64, SIG_I64)) \
	X(II_i, 2, 1, (SIG_I64, SIG_I64), (SIG_I32)) \
	X(I_F, 1, 1, (SIG_I64), (SIG_F64)) \
	X(I_I, 1, 1, (SIG_I64), (SIG_I64)) \
	X(I_f, 1, 1, (SIG_I64), (SIG_F32)) \
	X(I_i, 1, 1, (SIG_I64), (SIG_I32)) \
	X(I_v, 1, 1, (SIG_I64), (SIG_V128)) \
	X(_, 0, 0, (0), (0)) \
	X(_F, 0, 1, (0), (SIG_F64)) \
	X(_I, 0, 1, (0), (SIG_I64)) \
	X(_a, 0, 1, (0), (SIG_ADDRESS)) \
	X(_f, 0, 1, (0), (SIG_F32)) \
	X(_i, 0, 1, (0), (SIG_I32)) \
	X(_v, 0, 1, (0), (SIG_V128)) \
	X(aF_, 2, 0, (SIG_ADDRESS, SIG_F64), (0)) \
	X(aII_I, 3, 1, (SIG_ADDRESS, SIG_I64, SIG_I64), (SIG_I64)) \
	X(aII_i, 3, 1, (SIG_ADDRESS, SIG_I64, SIG_I64), (SIG_I32)) \
	X(aI_, 2, 0, (SIG_ADDRESS, SIG_I64), (0)) \
	X(aI_I, 2, 1, (SIG_ADDRESS, SIG_I64), (SIG_I64)) \
	X(a_F, 1, 1, (SIG_ADDRESS), (SIG_F64)) \
	X(a_I, 1, 1, (SIG_ADDRESS), (SIG_I64)) \
	X(a_a, 1, 1, (SIG_ADDRESS), (SIG_ADDRESS)) \
	X(a_f, 1, 1, (SIG_ADDRESS), (SIG_F32)) \
	X(a_i, 1, 1, (SIG_ADDRESS), (SIG_I32)) \
	X(a_v, 1, 1, (SIG_ADDRESS), (SIG_V128)) \
	X(af_, 2, 0, (SIG_ADDRESS, SIG_F32), (0)) \
	X(aiI_i, 3, 1, (SIG_ADDRESS, SIG_I32, SIG_I64), (SIG_I32)) \
	X(ai_, 2, 0, (SIG_ADDRESS, SIG_I32), (0)) \
	X(ai_i, 2, 1, (SIG_ADDRESS, SIG_I32), (SIG_I32)) \
	X(aii_i, 3, 1, (SIG_ADDRESS, SIG_I32, SIG_I32), (SIG_I32)) \
	X(av_, 2, 0, (SIG_ADDRESS, SIG_V128), (0)) \
	X(av_v, 2, 1, (SIG_ADDRESS, SIG_V128), (SIG_V128)) \
	X(f_F, 1, 1, (SIG_F32), (SIG_F64)) \
	X(f_I, 1, 1, (SIG_F32), (SIG_I64)) \
	X(f_f, 1, 1, (SIG_F32), (SIG_F32)) \
	X(f_i, 1, 1, (SIG_F32), (SIG_I32)) \
	X(f_v, 1, 1, (SIG_F32), (SIG_V128)) \
	X(ff_f, 2, 1, (SIG_F32, SIG_F32), (SIG_F32)) \
	X(ff_i, 2, 1, (SIG_F32, SIG_F32), (SIG_I32)) \
	X(i_F, 1, 1, (SIG_I32), (SIG_F64)) \
	X(i_I, 1, 1, (SIG_I32), (SIG_I64)) \
	X(i_f, 1, 1, (SIG_I32), (SIG_F32)) \
	X(i_i, 1, 1, (SIG_I32), (SIG_I32)) \
	X(i_v, 1, 1, (SIG_I32), (SIG_V128)) \
	X(ii_i, 2, 1, (SIG_I32, SIG_I32), (SIG_I32)) \
	X(vF_v, 2, 1, (SIG_V128, SIG_F64), (SIG_V128)) \
	X(vI_v, 2, 1, (SIG_V128, SIG_I64), (SIG_V128)) \
	X(v_F, 1, 1, (SIG_V128), (SIG_F64)) \
	X(v_I, 1, 1, (SIG_V128), (SIG_I64)) \
	X(v_f, 1, 1, (SIG_V128), (SIG_F32)) \
	X(v_i, 1, 1, (SIG_V128), (SIG_I32)) \
	X(v_v, 1, 1, (SIG_V128), (SIG_V128)) \
	X(vf_v, 2, 1, (SIG_V128, SIG_F32), (SIG_V128)) \
	X(vi_v, 2, 1, (SIG_V128, SIG_I32), (SIG_V128)) \
	X(vv_v, 2, 1, (SIG_V128, SIG_V128), (SIG_V128)) \
	X(vvv_v, 3, 1, (SIG_V128, SIG_V128, SIG_V128), (SIG_V128))
/* clang-format on */

enum signature_id {
#define X(name, params, results, param_kinds, result_kinds) SIG_##name##_,
	SIGNATURES(X)
#undef X
};

struct signature {
	uint8_t param_count;
	uint8_t result_count;
	uint8_t params[4];
	uint8_t results[2];
};

extern const struct signature signatures[];

struct insn {
	const char *mnemonic;
	uint16_t code;
	uint8_t prefix;
	uint8_t immediate; /* enum immediate */
	uint8_t signature; /* enum signature_id */
	uint8_t align;     /* log2 of bytes, of the access or the lane */
	uint8_t feature;   /* enum feature */
};

extern const struct insn insns[INSN_COUNT];

/* A dense number for (prefix, code), so that one array finds every instruction and a duplicate in
 * insn.def does not compile. Each prefix has a range as long as its highest code. */
#define INSN_SLOT_FB 256
#define INSN_SLOT_FC (INSN_SLOT_FB + 0x20)
#define INSN_SLOT_FD (INSN_SLOT_FC + 0x20)
#define INSN_SLOT_FE (INSN_SLOT_FD + 0x120)
#define INSN_SLOTS (INSN_SLOT_FE + 0x50)

/* Instruction id + 1, or 0 where no instruction stands. */
extern const uint16_t insn_slots[INSN_SLOTS];

/* INSN_COUNT when there is no such instruction. prefix 0: code is the single byte. */
static inline enum insn_id insn_find(unsigned prefix, uint32_t code)
{
	unsigned base;
	unsigned count;
	switch (prefix) {
	case 0:
		base = 0, count = 256;
		break;
	case 0xfb:
		base = INSN_SLOT_FB, count = INSN_SLOT_FC - INSN_SLOT_FB;
		break;
	case 0xfc:
		base = INSN_SLOT_FC, count = INSN_SLOT_FD - INSN_SLOT_FC;
		break;
	case 0xfd:
		base = INSN_SLOT_FD, count = INSN_SLOT_FE - INSN_SLOT_FD;
		break;
	case 0xfe:
		base = INSN_SLOT_FE, count = INSN_SLOTS - INSN_SLOT_FE;
		break;
	default:
		return INSN_COUNT;
	}
	if (code >= count || insn_slots[base + code] == 0)
		return INSN_COUNT;
	return (enum insn_id)(insn_slots[base + code] - 1);
}

static inline bool insn_is_prefix(uint8_t byte)
{
	return byte >= 0xfb && byte <= 0xfe;
}

#endif
