/* Inside interp/: how handlers are written down and threaded, for two dispatches from one source.
 *
 * Tail dispatch (clang 19 or later on x86-64 and AArch64, without sanitizers): a handler is a
 * function that ends in a guaranteed tail call; preserve_none keeps the whole state in registers. A
 * Wasm call is a native call, so the return predictor works. Code must not leave a handler in
 * another way.
 *
 * Goto dispatch (everything else): all handlers stand in one function and jump to each other by
 * computed goto; a Wasm call pushes nothing on the native stack.
 *
 * State: pc the present cell, fp the frame, mem memory 0, inst the instance, and the accumulators
 * acc (i32 zero-extended, i64, references), fd (f64), ff (f32), fv (v128). A call leaves fd, ff and
 * fv undefined. */
#ifndef INTERP_DISPATCH_H
#define INTERP_DISPATCH_H

#include "interp/runtime.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer) ||             \
    __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__clang__) && __clang_major__ >= 19 && !defined(SANITIZED) &&                          \
    !defined(TIPHYS_GOTO_DISPATCH) && (defined(__x86_64__) || defined(__aarch64__))
#define TAIL_DISPATCH 1
#else
#define TAIL_DISPATCH 0
#endif

/* The registers that hold pc, fp and inst when a handler faults: the convention's first arguments.
 */
#if TAIL_DISPATCH && defined(__x86_64__)
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

#endif
