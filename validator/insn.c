#include "validator/insn.h"

#define LIST(...) {__VA_ARGS__}

const struct signature signatures[] = {
#define X(name, params, results, param_kinds, result_kinds)                                        \
	[SIG_##name##_] = {params, results, LIST param_kinds, LIST result_kinds},
    SIGNATURES(X)
#undef X
};

const struct insn insns[INSN_COUNT] = {
#define INSN(id, prefix, code, mnemonic, immediate, signature, align, feature)                     \
	[INSN_##id] = {mnemonic,           code,  prefix,           IMM_##immediate,                   \
	               SIG_##signature##_, align, FEATURE_##feature},
#include "validator/insn.def"
};

/* The codes stay within their prefix's range (checked below), so the sums cannot collide. */
#define SLOT(prefix, code)                                                                         \
	((prefix) == 0      ? (code)                                                                   \
	 : (prefix) == 0xfb ? INSN_SLOT_FB + (code)                                                    \
	 : (prefix) == 0xfc ? INSN_SLOT_FC + (code)                                                    \
	 : (prefix) == 0xfd ? INSN_SLOT_FD + (code)                                                    \
	                    : INSN_SLOT_FE + (code))

const uint16_t insn_slots[INSN_SLOTS] = {
#define INSN(id, prefix, code, mnemonic, immediate, signature, align, feature)                     \
	[SLOT(prefix, code)] = INSN_##id + 1,
#include "validator/insn.def"
};

#define INSN(id, prefix, code, mnemonic, immediate, signature, align, feature)                     \
	_Static_assert((code) < ((prefix) == 0      ? 256                                              \
	                         : (prefix) == 0xfb ? INSN_SLOT_FC - INSN_SLOT_FB                      \
	                         : (prefix) == 0xfc ? INSN_SLOT_FD - INSN_SLOT_FC                      \
	                         : (prefix) == 0xfd ? INSN_SLOT_FE - INSN_SLOT_FD                      \
	                                            : INSN_SLOTS - INSN_SLOT_FE),                      \
	               "code out of its prefix's range: " mnemonic);
#include "validator/insn.def"
