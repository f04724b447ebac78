/* A fork leaves the tables of a file's pages behind, since the child can fault them in again: some
 * fifteen faults of one and a half microseconds each, a third of what a small step faults. It takes
 * them along when one of the pages is the process's own. So one is made that, by writing to it what
 * stands there.
 *
 * What each process writes to is its own in any case; asked for at once it costs no faults. */
#include "plugin/warm_pages.h"

#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define PAGE 4096u

static void warm(uintptr_t at, size_t size, int access)
{
	uintptr_t start = at / PAGE * PAGE;
	size_t whole = (at + size - start + PAGE - 1) / PAGE * PAGE;
	void *pages = (void *)start;
	/* Linux before 5.14: those that were used are there. */
	madvise(pages, whole, MADV_POPULATE_READ);
	/* What is written is not what runs: it stays executable meanwhile. */
	if (mprotect(pages, whole, access | PROT_WRITE) != 0)
		return;
	volatile uint8_t *byte = pages;
	*byte = *byte;
	/* Nobody is to run where code can be written. */
	if (mprotect(pages, whole, access) != 0)
		abort();
}

static int warm_object(struct dl_phdr_info *object, size_t size, void *env)
{
	(void)size;
	(void)env;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		if (part->p_type != PT_LOAD || (part->p_flags & (PF_W | PF_R)) != PF_R)
			continue;
		warm(object->dlpi_addr + part->p_vaddr, part->p_memsz,
		     PROT_READ | ((part->p_flags & PF_X) != 0 ? PROT_EXEC : 0));
	}
	/* The first object is the executable. */
	return 1;
}

void warm_pages(void)
{
	dl_iterate_phdr(warm_object, NULL);
}

/* As far as a run of some hundred kilobytes of code goes. Each page more is one that every worker
 * has and may not want. */
#define STACK_PAGES 3
#define VARIABLE_PAGES 15

/* Linux before 5.14, and what is protected: then the faults come later. */
static void warm_for_writing(uintptr_t start, uintptr_t end)
{
	if (start < end)
		madvise((void *)start, end - start, MADV_POPULATE_WRITE);
}

static int warm_variables(struct dl_phdr_info *object, size_t size, void *env)
{
	(void)size;
	(void)env;
	uintptr_t start = 0, end = 0, guarded = 0;
	for (unsigned i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t at = object->dlpi_addr + part->p_vaddr;
		if (part->p_type == PT_LOAD && (part->p_flags & PF_W) != 0) {
			start = at / PAGE * PAGE;
			end = (at + part->p_memsz + PAGE - 1) / PAGE * PAGE;
		}
		/* Where a loader protects them, they are pages of their own. */
		if (part->p_type == PT_GNU_RELRO)
			guarded = (at + part->p_memsz) / PAGE * PAGE;
	}
	if (guarded < start || guarded > end)
		guarded = start;
	if (end - start > VARIABLE_PAGES * PAGE)
		end = start + VARIABLE_PAGES * PAGE;
	warm_for_writing(start, guarded < end ? guarded : end);
	warm_for_writing(guarded, end);
	return 1;
}

void warm_writes(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) / PAGE * PAGE;
	warm_for_writing(here - STACK_PAGES * PAGE, here);
	dl_iterate_phdr(warm_variables, NULL);
}
