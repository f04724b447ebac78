/* plugin/processors: quotas of both versions of cgroups, in trees made for each case. */
#include "plugin/processors.h"

#include "tests/plugin/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* Writes ROOT/path, with the folders above it. */
static void put(const char *root, const char *path, const char *text)
{
	char whole[512];
	snprintf(whole, sizeof whole, "%s/%s", root, path);
	for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(whole, 0700);
		*slash = '/';
	}
	FILE *file = fopen(whole, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void without_cgroups_there_are_those_present(void **state)
{
	assert_int_equal(processors_granted(*state, 8), 8);
	assert_true(processors_present() >= 1);
	assert_true(processors_granted("", processors_present()) <= processors_present());
}

static void cpu_max_is_rounded_up(void **state)
{
	put(*state, "proc/self/cgroup", "0::/\n");
	put(*state, "sys/fs/cgroup/cpu.max", "150000 100000\n");
	assert_int_equal(processors_granted(*state, 64), 2);
	put(*state, "sys/fs/cgroup/cpu.max", "200000 100000\n");
	assert_int_equal(processors_granted(*state, 64), 2);
	put(*state, "sys/fs/cgroup/cpu.max", "1000 100000\n");
	assert_int_equal(processors_granted(*state, 64), 1);
	/* More than there are. */
	assert_int_equal(processors_granted(*state, 1), 1);
	put(*state, "sys/fs/cgroup/cpu.max", "900000 100000\n");
	assert_int_equal(processors_granted(*state, 4), 4);
	put(*state, "sys/fs/cgroup/cpu.max", "max 100000\n");
	assert_int_equal(processors_granted(*state, 64), 64);
	put(*state, "sys/fs/cgroup/cpu.max", "rubbish\n");
	assert_int_equal(processors_granted(*state, 64), 64);
}

static void the_narrowest_cgroup_above_counts(void **state)
{
	put(*state, "proc/self/cgroup", "0::/pods/one/plugin\n");
	put(*state, "sys/fs/cgroup/pods/one/plugin/cpu.max", "800000 100000\n");
	put(*state, "sys/fs/cgroup/pods/one/cpu.max", "300000 100000\n");
	put(*state, "sys/fs/cgroup/pods/cpu.max", "max 100000\n");
	assert_int_equal(processors_granted(*state, 64), 3);
}

static void a_container_finds_its_own_at_the_mount(void **state)
{
	put(*state, "proc/self/cgroup", "0::/kubepods/pod1/container\n");
	put(*state, "sys/fs/cgroup/cpu.max", "400000 100000\n");
	assert_int_equal(processors_granted(*state, 64), 4);
}

static void quotas_of_version_1(void **state)
{
	put(*state, "proc/self/cgroup", "5:cpuset:/a\n4:cpu,cpuacct:/a/b\n1:name=systemd:/a\n0::/a\n");
	put(*state, "sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us", "-1\n");
	put(*state, "sys/fs/cgroup/cpu/a/b/cpu.cfs_period_us", "100000\n");
	assert_int_equal(processors_granted(*state, 64), 64);
	put(*state, "sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us", "250000\n");
	assert_int_equal(processors_granted(*state, 64), 3);
	put(*state, "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "50000\n");
	put(*state, "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "50000\n");
	assert_int_equal(processors_granted(*state, 64), 1);
}

static void a_controller_whose_name_begins_alike_is_another(void **state)
{
	put(*state, "proc/self/cgroup", "4:cpuset,cpuacct:/\n");
	put(*state, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
	put(*state, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
	assert_int_equal(processors_granted(*state, 64), 64);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(without_cgroups_there_are_those_present),
	    CASE(cpu_max_is_rounded_up),
	    CASE(the_narrowest_cgroup_above_counts),
	    CASE(a_container_finds_its_own_at_the_mount),
	    CASE(quotas_of_version_1),
	    CASE(a_controller_whose_name_begins_alike_is_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
