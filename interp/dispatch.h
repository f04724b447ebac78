/* Inside interp/: how handlers are written down and threaded, for two dispatches from one source.
 *
 * Tail dispatch (clang 19 or later on x86-64 and AArch64): a handler is a function that ends in a
 * guaranteed tail call; preserve_none keeps the whole state in registers. A Wasm call is a native
 * call, so the return predictor works. Code must not leave a handler in another way.
 *
 * Goto dispatch (everything else): all handlers stand in one function and jump to each other by
 * computed goto; a Wasm call pushes nothing on the native stack.
 *
 * State: pc the present cell, fp the frame, mem memory 0, inst the instance, and the accumulators
 * acc (i32 zero-extended, i64, references), fd (f64), ff (f32), fv (v128); and guess, the i32 that
 * load_next loaded last, or anything else: no result depends on it. A call leaves fd, ff, fv and
 * guess undefined. */
#ifndef INTERP_DISPATCH_H
#define INTERP_DISPATCH_H

#include "interp/runtime.h"

#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer))
/* These would have to be told of every change of the stack, as ASan is in stack_switch.h. */
#if __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TIPHYS_GOTO_DISPATCH
#endif
#else
#define SANITIZED 0
#endif

#ifdef __x86_64__
#define ON_X86_64 1
#else
#define ON_X86_64 0
#endif

#if defined(__clang__) && __clang_major__ >= 19 && !defined(TIPHYS_GOTO_DISPATCH) &&               \
    (defined(__x86_64__) || defined(__aarch64__))
#define TAIL_DISPATCH 1
#else
#define TAIL_DISPATCH 0
#endif

/* Does a handler that faults have its state in registers, or did it mark it in the run before? The
 * checks of sanitizers use any register, also at an access. */
#define FAULTS_IN_REGISTERS (TAIL_DISPATCH && !SANITIZED)

/* Do cells hold the addresses of handlers, and not how far they lie from the first one? A static
 * executable at a fixed place has them in the lowest 2 GiB. */
#if TAIL_DISPATCH && ON_X86_64 && !defined(__PIC__) && !defined(__PIE__) &&                        \
    !defined(__code_model_large__)
#define HANDLERS_BY_ADDRESS 1
#else
#define HANDLERS_BY_ADDRESS 0
#endif

/* Are calls to functions of the same instance written by hand (exec_tail.h: CALL_HERE)? Sanitizers
 * give handlers frames, which that cannot have. */
#define CALLS_BY_HAND (TAIL_DISPATCH && ON_X86_64 && !SANITIZED)

/* The registers that hold pc, fp, mem and inst: the convention's first arguments. */
#if TAIL_DISPATCH && ON_X86_64
#define PC_REGISTER "r12"
#define FP_REGISTER "r13"
#define MEM_REGISTER "r14"
#define INST_REGISTER "r15"
#elif TAIL_DISPATCH && defined(__aarch64__)
#define PC_REGISTER "x20"
#define FP_REGISTER "x21"
#define MEM_REGISTER "x22"
#define INST_REGISTER "x23"
#endif

/* A call takes at most this many bytes of native stack for each byte that it advances the frame
 * (FRAME_ADVANCE_MIN slots at least); tests/interp/test_calls.c runs into the frame stack's end. */
#define NATIVE_PER_FRAME_BYTE (SANITIZED ? 16 : 4)

#endif
