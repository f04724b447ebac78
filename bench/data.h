/* The files that the measurements need beside the executable: kernels, guests, helpers of peers. */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

/* The path of a file: in TIPHYS_BENCH_DATA when that is set, in `bench/` beside the executable (so
 * it is in a build), or where it was installed. For free(); NULL when it is nowhere. */
char *data_find(const char *name);

#endif
