/* What a directory takes of a disk. */
#ifndef BENCH_DISK_H
#define BENCH_DISK_H

#include <stdint.h>

/* Blocks of all files below it, on its own filesystem, each file with several names once; 0 when it
 * is not there. */
uint64_t disk_bytes(const char *directory);

#endif
