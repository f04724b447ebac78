#include "wasi/guest.h"

#include <fcntl.h>

#define NS_PER_S 1000000000ull

static uint64_t ns_of(const struct timespec *ts)
{
	return ts->tv_sec < 0 ? 0 : (uint64_t)ts->tv_sec * NS_PER_S + (uint64_t)ts->tv_nsec;
}

/*           dev  ino  filetype  nlink     size  atim  mtim  ctim
 * snapshot 1  0    8    16        24 u64    32    40    48    56
 * snapshot 0  0    8    16        20 u32    24    32    40    48  */
uint32_t guest_put_filestat(const struct guest *g, uint32_t at, const struct stat *st)
{
	bool is_old = g->snapshot == SNAPSHOT_0;
	uint8_t *out;
	if (!guest_range(g, at, is_old ? FILESTAT_SIZE_0 : FILESTAT_SIZE, &out))
		return WASI_EFAULT;
	memset(out, 0, is_old ? FILESTAT_SIZE_0 : FILESTAT_SIZE);
	store_u64(out, st->st_dev);
	store_u64(out + 8, st->st_ino);
	out[16] = filetype_of(caps_type_of_mode(st->st_mode));
	if (is_old)
		store_u32(out + 20, (uint32_t)st->st_nlink);
	else
		store_u64(out + 24, st->st_nlink);
	out += is_old ? 24 : 32;
	store_u64(out, (uint64_t)st->st_size);
	store_u64(out + 8, ns_of(&st->st_atim));
	store_u64(out + 16, ns_of(&st->st_mtim));
	store_u64(out + 24, ns_of(&st->st_ctim));
	return WASI_ESUCCESS;
}

static struct timespec time_of(uint64_t ns, bool is_given, bool is_now)
{
	if (is_now)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	if (!is_given)
		return (struct timespec){.tv_nsec = UTIME_OMIT};
	return (struct timespec){(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
}

uint32_t times_of(uint64_t atim, uint64_t mtim, uint32_t fstflags, struct timespec times[2])
{
	uint32_t both_atim = FSTFLAG_ATIM | FSTFLAG_ATIM_NOW;
	uint32_t both_mtim = FSTFLAG_MTIM | FSTFLAG_MTIM_NOW;
	if ((fstflags & ~FSTFLAGS_ALL) || (fstflags & both_atim) == both_atim ||
	    (fstflags & both_mtim) == both_mtim)
		return WASI_EINVAL;
	times[0] = time_of(atim, fstflags & FSTFLAG_ATIM, fstflags & FSTFLAG_ATIM_NOW);
	times[1] = time_of(mtim, fstflags & FSTFLAG_MTIM, fstflags & FSTFLAG_MTIM_NOW);
	return WASI_ESUCCESS;
}
