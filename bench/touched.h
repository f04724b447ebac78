/* Which pages of memory a command touches. */
#ifndef BENCH_TOUCHED_H
#define BENCH_TOUCHED_H

#include "validator/error.h"

#include <stdint.h>

/* Runs the command below valgrind's lackey, which tells each access, its output thrown away, and
 * counts the pages of 4 KiB that it reads, writes or executes, in bytes. What the kernel maps
 * beside a page that is touched, since it guesses that it will be, is not among them, nor what the
 * kernel itself touches. A hundred times slower than the command. False when there is no valgrind
 * or the command ends with a status other than 0. */
bool touched_by_command(char *const *argv, uint64_t *bytes, struct error *err);

#endif
