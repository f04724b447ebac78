#include "bench/touched.h"

#include "caps/cleanup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { PAGE_BITS = 12, PAGE = 1 << PAGE_BITS, LOG_FD = 9, WORDS = 64, FIRST_ROOM = 1 << 14 };

/* Page numbers, with open addressing; 0 is an empty place, and no process has page 0. */
struct pages {
	uint64_t *places, last;
	size_t room, count; /* room is a power of two */
};

static uint64_t *find_place(const struct pages *pages, uint64_t page)
{
	size_t at = (size_t)(page * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (pages->room - 1);
	while (pages->places[at] != 0 && pages->places[at] != page)
		at = (at + 1) & (pages->room - 1);
	return &pages->places[at];
}

static bool grow(struct pages *pages)
{
	struct pages grown = {.room = 2 * pages->room, .count = pages->count};
	grown.places = calloc(grown.room, sizeof *grown.places);
	if (grown.places == NULL)
		return false;
	for (size_t i = 0; i < pages->room; i++)
		if (pages->places[i] != 0)
			*find_place(&grown, pages->places[i]) = pages->places[i];
	free(pages->places);
	*pages = grown;
	return true;
}

static bool add(struct pages *pages, uint64_t page)
{
	if (page == pages->last || page == 0)
		return true;
	pages->last = page;
	uint64_t *place = find_place(pages, page);
	if (*place == page)
		return true;
	*place = page;
	return 2 * ++pages->count < pages->room || grow(pages);
}

/* "I  04025310,3", " L 1ffeffe7e8,8", " S …", " M …"; other lines are the tool's own. */
static bool add_line(struct pages *pages, const char *line)
{
	char *end;
	if ((line[0] != 'I' && line[0] != ' ') || line[1] == '\0' || line[2] != ' ')
		return true;
	uint64_t first = strtoull(line + 3, &end, 16);
	if (*end != ',')
		return true;
	uint64_t size = strtoull(end + 1, NULL, 10);
	uint64_t last = first + (size > 0 ? size - 1 : 0);
	return add(pages, first >> PAGE_BITS) && add(pages, last >> PAGE_BITS);
}

/* What is written into it is thrown away. A pipe, as in the runs that are measured: programs do
 * other things with /dev/null, which might be a terminal. -1: there is none. */
static int open_sink(int log)
{
	int ends[2];
	char piece[4096];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[1]);
		close(log);
		while (read(ends[0], piece, sizeof piece) > 0)
			;
		_exit(0);
	}
	close(ends[0]);
	return pid > 0 ? ends[1] : -1;
}

_Noreturn static void become(char *const *argv, int log)
{
	char *words[WORDS] = {"valgrind", "--tool=lackey", "--trace-mem=yes", "--log-fd=9"};
	size_t count = 4;
	int null = open("/dev/null", O_RDONLY), sink = open_sink(log);
	/* Above LOG_FD, so that none is put in another's place. */
	log = fcntl(log, F_DUPFD_CLOEXEC, LOG_FD + 1);
	null = fcntl(null, F_DUPFD_CLOEXEC, LOG_FD + 1);
	sink = fcntl(sink, F_DUPFD_CLOEXEC, LOG_FD + 1);
	for (size_t i = 0; argv[i] != NULL && count < WORDS - 1; i++)
		words[count++] = argv[i];
	if (log < 0 || null < 0 || sink < 0 || dup2(log, LOG_FD) < 0 || dup2(null, 0) < 0 ||
	    dup2(sink, 1) < 0 || dup2(sink, 2) < 0)
		_exit(126);
	execvp(words[0], words);
	_exit(127);
}

static bool count_pages(int log, struct pages *pages, struct error *err)
{
	cleanup_free char *line = NULL;
	size_t room = 0;
	FILE *file = fdopen(log, "r");
	if (file == NULL)
		return error_set_errno(err, errno, "fdopen");
	bool fits = true;
	while (fits && getline(&line, &room, file) > 0)
		fits = add_line(pages, line);
	fclose(file);
	return fits || error_set(err, ERROR_NO_MEMORY, "no memory for the pages touched");
}

bool touched_by_command(char *const *argv, uint64_t *bytes, struct error *err)
{
	int ends[2], status = 0;
	struct pages pages = {.room = FIRST_ROOM, .places = calloc(FIRST_ROOM, sizeof(uint64_t))};
	if (pages.places == NULL)
		return error_set(err, ERROR_NO_MEMORY, "no memory for the pages touched");
	if (pipe2(ends, O_CLOEXEC) != 0) {
		free(pages.places);
		return error_set_errno(err, errno, "pipe");
	}
	pid_t pid = fork();
	if (pid == 0)
		become(argv, ends[1]);
	close(ends[1]);
	bool is_counted =
	    pid > 0 ? count_pages(ends[0], &pages, err) : error_set_errno(err, errno, "fork");
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*bytes = (uint64_t)pages.count * PAGE;
	free(pages.places);
	if (!is_counted)
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return error_set(err, ERROR_SYSTEM,
		                 "pages touched are counted by valgrind, which is missing");
	return status == 0 ||
	       error_set(err, ERROR_SYSTEM, "valgrind ended with wait status %d", status);
}
