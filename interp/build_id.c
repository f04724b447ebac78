/* The build id that the linker puts into an executable: a hash over all of it, handlers included.
 */
#include "interp/image_format.h"

#include <link.h>
#include <string.h>

/* Where the executable's own header is mapped; the linker defines it. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden"), weak));

/* Notes are three words, then a name and a description, each padded to words. */
static size_t padded(size_t size)
{
	return (size + 3) / 4 * 4;
}

static bool find_in_notes(const uint8_t *at, size_t size, uint8_t id[IMAGE_BUILD_ID_MAX])
{
	while (size >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)at;
		size_t whole = sizeof *note + padded(note->n_namesz) + padded(note->n_descsz);
		if (whole > size)
			return false;
		const uint8_t *name = at + sizeof *note;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof ELF_NOTE_GNU &&
		    memcmp(name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0 &&
		    note->n_descsz <= IMAGE_BUILD_ID_MAX) {
			memcpy(id, name + padded(note->n_namesz), note->n_descsz);
			return note->n_descsz > 0;
		}
		at += whole;
		size -= whole;
	}
	return false;
}

bool image_build_id(uint8_t id[IMAGE_BUILD_ID_MAX])
{
	const ElfW(Ehdr) *elf = &__ehdr_start;
	memset(id, 0, IMAGE_BUILD_ID_MAX);
	if (elf == NULL)
		return false;
	/* Beyond the object that the compiler knows there: a number, not a step from it. */
	const ElfW(Phdr) *headers = (const void *)((uintptr_t)elf + elf->e_phoff);
	/* An executable that can be anywhere has addresses from 0 on. */
	uintptr_t base = elf->e_type == ET_DYN ? (uintptr_t)elf : 0;
	for (unsigned i = 0; i < elf->e_phnum; i++)
		if (headers[i].p_type == PT_NOTE &&
		    find_in_notes((const void *)(base + headers[i].p_vaddr), headers[i].p_memsz, id))
			return true;
	return false;
}

bool image_build(uint64_t *build)
{
	uint8_t id[IMAGE_BUILD_ID_MAX];
	bool fine = image_build_id(id);
	memcpy(build, id, sizeof *build);
	return fine;
}
