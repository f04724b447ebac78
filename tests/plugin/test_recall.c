/* plugin/recall: answers are believed as long as the files that they were read from are the same.
 */
#include "plugin/recall.h"
#include "tests/plugin/table.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/tiphys-test-recall.XXXXXX";
static char index_file[64], module_file[64];

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(index_file, sizeof index_file, "%s/index", folder);
	snprintf(module_file, sizeof module_file, "%s/module", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(index_file);
	unlink(module_file);
	return rmdir(folder);
}

static const struct digest digest = {.bytes = {1, 2, 3}};

/* One that remembers "ref". */
static struct recall *remembering(void)
{
	struct recall *recall = recall_create();
	cleanup_recall_witness struct recall_witness witness = {0};
	write_text(index_file, "index");
	write_text(module_file, "module");
	recall_look(&witness, index_file);
	recall_add(recall, "ref", &witness, module_file, &digest);
	return recall;
}

static bool is_known(struct recall *recall, const char *ref)
{
	char *path = NULL;
	struct digest found;
	if (!recall_find(recall, ref, &path, &found))
		return false;
	assert_string_equal(path, module_file);
	assert_true(digest_equal(&found, &digest));
	free(path);
	return true;
}

static void same_files(void **state)
{
	(void)state;
	struct recall *recall = remembering();
	assert_true(is_known(recall, "ref"));
	assert_true(is_known(recall, "ref"));
	assert_false(is_known(recall, "re"));
	recall_destroy(recall);
}

static void replace_index(void)
{
	char fresh[80];
	snprintf(fresh, sizeof fresh, "%s.new", index_file);
	write_text(fresh, "index");
	assert_int_equal(rename(fresh, index_file), 0);
}

/* Its modification time is set back; the time of the change of its inode cannot be. */
static void rewrite_module(void)
{
	struct stat st;
	assert_int_equal(stat(module_file, &st), 0);
	usleep(20000);
	write_text(module_file, "modulo");
	const struct timespec times[] = {st.st_atim, st.st_mtim};
	assert_int_equal(utimensat(AT_FDCWD, module_file, times, 0), 0);
}

static void remove_module(void)
{
	unlink(module_file);
}

static void other_files(void **state)
{
	(void)state;
	static void (*const changes[])(void) = {replace_index, rewrite_module, remove_module};
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct recall *recall = remembering();
		changes[i]();
		assert_false(is_known(recall, "ref"));
		recall_destroy(recall);
	}
}

static void what_depends_on_more_is_not_remembered(void **state)
{
	(void)state;
	struct recall *recall = remembering();
	struct recall_witness missing = {0}, many = {0}, told = {.is_void = true};
	recall_look(&missing, "/nonexistent/index");
	for (int i = 0; i < RECALL_FILES_MAX; i++)
		recall_look(&many, index_file);
	recall_add(recall, "missing", &missing, module_file, &digest);
	recall_add(recall, "many", &many, module_file, &digest);
	recall_add(recall, "told", &told, module_file, &digest);
	assert_false(is_known(recall, "missing"));
	assert_false(is_known(recall, "many"));
	assert_false(is_known(recall, "told"));
	recall_witness_clear(&missing);
	recall_witness_clear(&many);
	recall_witness_clear(&told);
	recall_destroy(recall);
}

static void the_oldest_goes(void **state)
{
	(void)state;
	struct recall *recall = remembering();
	char ref[32];
	for (int i = 0; i < RECALL_MAX; i++) {
		struct recall_witness witness = {0};
		snprintf(ref, sizeof ref, "ref-%d", i);
		recall_add(recall, ref, &witness, module_file, &digest);
	}
	assert_false(is_known(recall, "ref"));
	assert_true(is_known(recall, "ref-0"));
	assert_true(is_known(recall, ref));
	recall_destroy(recall);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(same_files),
	    cmocka_unit_test(other_files),
	    cmocka_unit_test(what_depends_on_more_is_not_remembered),
	    cmocka_unit_test(the_oldest_goes),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
