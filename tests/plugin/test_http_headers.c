#include "tests/plugin/table.h"

#include "plugin/http_headers.h"
#include "plugin/http_terms.h"

/* Header lines, and what libcurl gets of them ("|" between), or a part of the refusal. */
static const struct {
	const char *lines;
	bool is_stranger, is_bare;
	const char *list, *refusal;
} rows[] = {
    {"", false, false, "", NULL},
    {"A: b\n", false, false, "A: b", NULL},
    {"A: b", false, false, "A: b", NULL},
    {"A:b\r\nC:\t d e \n\n", false, false, "A: b|C: d e", NULL},
    {"Empty:\n", false, false, "Empty;", NULL},
    {"X: a:b\n", false, false, "X: a:b", NULL},
    {"X: \xc3\xa4\n", false, false, "X: \xc3\xa4", NULL},
    {"content-length: 9\nA: b\n", false, false, "A: b", NULL},
    {"Authorization: x\ncookie: y\nA: b\n", false, false, "Authorization: x|cookie: y|A: b", NULL},
    {"Authorization: x\ncookie: y\nA: b\n", true, false, "A: b", NULL},
    {"Content-Type: x\nA: b\n", false, true, "A: b", NULL},
    {"Content-Type: x\nAuthorization: y\n", true, false, "Content-Type: x", NULL},
    {"no colon\n", false, false, NULL, "no colon"},
    {": value\n", false, false, NULL, "no \"Name: value\""},
    {"A : b\n", false, false, NULL, "no \"Name: value\""},
    {" A: b\n", false, false, NULL, "no \"Name: value\""},
    {"A\xc3\xa4: b\n", false, false, NULL, "no \"Name: value\""},
    {"A: b\rHost: evil\n", false, false, NULL, "control character"},
    {"A: b\x01\n", false, false, NULL, "control character"},
    {"A: b\x7f\n", false, false, NULL, "control character"},
    {"Host: evil\n", false, false, NULL, "the header Host"},
    {"hOST: evil\n", false, false, NULL, "the header hOST"},
    {"Transfer-Encoding: chunked\n", false, false, NULL, "Transfer-Encoding"},
    {"Connection: close\n", false, false, NULL, "Connection"},
    {"Upgrade: websocket\n", false, false, NULL, "Upgrade"},
    {"TE: trailers\n", false, false, NULL, "TE"},
    {"Trailer: x\n", false, false, NULL, "Trailer"},
    {"Expect: 100-continue\n", false, false, NULL, "Expect"},
    {"Proxy-Authorization: x\n", false, false, NULL, "Proxy-Authorization"},
};

static void every_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error err = ERROR_INIT;
		struct curl_slist *list = NULL;
		char joined[256] = "";
		bool taken = http_headers_read(rows[i].lines, strlen(rows[i].lines), rows[i].is_stranger,
		                               rows[i].is_bare, &list, &err);
		if (taken != (rows[i].list != NULL))
			fail_msg("%s: %s", rows[i].lines, err.message);
		for (const struct curl_slist *at = list; taken && at != NULL; at = at->next) {
			strcat(joined, *joined != '\0' ? "|" : "");
			strcat(joined, at->data);
		}
		if (taken)
			assert_string_equal(joined, rows[i].list);
		else
			assert_in(rows[i].refusal, err.message);
		curl_slist_free_all(list);
	}
}

static void a_nul_is_a_control_character(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct curl_slist *list = NULL;
	assert_false(http_headers_read("A: b\0c\n", 7, false, false, &list, &err));
	assert_false(http_headers_read("A\0: b\n", 6, false, false, &list, &err));
	curl_slist_free_all(list);
}

/* Only their bytes were bounded. */
static void headers_are_counted(void **state)
{
	(void)state;
	static char lines[(HTTP_HEADER_LINES_MAX + 1) * 5 + 1];
	struct error err = ERROR_INIT;
	struct curl_slist *list = NULL;
	for (size_t i = 0; i <= HTTP_HEADER_LINES_MAX; i++)
		memcpy(lines + i * 5, "A: b\n", 5);
	assert_true(http_headers_read(lines, HTTP_HEADER_LINES_MAX * 5, false, false, &list, &err));
	assert_false(
	    http_headers_read(lines, (HTTP_HEADER_LINES_MAX + 1) * 5, false, false, &list, &err));
	assert_in("more than 256 headers", err.message);
	curl_slist_free_all(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_line),
	    cmocka_unit_test(a_nul_is_a_control_character),
	    cmocka_unit_test(headers_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
