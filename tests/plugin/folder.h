/* A folder for one test, removed with all that is in it. */
#ifndef TESTS_PLUGIN_FOLDER_H
#define TESTS_PLUGIN_FOLDER_H

/* cmocka setup and teardown: *state is the folder's path. */
int folder_make(void **state);
int folder_remove(void **state);

/* Files in folder/name, without . and ..; 0 when there is no such folder. */
unsigned folder_count(const char *folder, const char *name);

/* Writes bytes over folder/name at the offset. */
void folder_scratch(const char *path, long offset, const char *bytes);

#endif
