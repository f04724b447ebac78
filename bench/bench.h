/* The measurements, as functions of a command line. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "bench/bench.def"

/* argv[0] is the measurement's name; returns the exit status. */
#define X(name, function, help) int function(int argc, char **argv);
BENCHES(X)
#undef X

#endif
