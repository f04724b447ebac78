/* Every variant of every family of op.def, for an includer that defines V(name). */
#define COMMUTE(n, t, u, e) VARIANTS_COMMUTE(V, n)
#define ORDERED(n, t, u, c, e) VARIANTS_ORDERED(V, n)
#define COMPARE(n, t, e, s, i) VARIANTS_COMPARE(V, n)
#define FCOMPARE(n, t, e, s) VARIANTS_FCOMPARE(V, n)
#define UNARY(n, t, u, c, e) VARIANTS_UNARY(V, n)
#define LOAD(n, m, u, e) VARIANTS_LOAD(V, n)
#define STORE(n, t, m) VARIANTS_STORE(V, n)
#define FSTORE(n, t) VARIANTS_FSTORE(V, n)
#define ATOMIC_LOAD(n, m) VARIANTS_ATOMIC(V, n)
#define ATOMIC_STORE(n, m) V(n)
#define ATOMIC_RMW(n, m, f) VARIANTS_ATOMIC(V, n)
#define ATOMIC_CMPXCHG(n, m) VARIANTS_ATOMIC(V, n)
#include "interp/op.def"
