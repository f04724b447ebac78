#include "plugin/reach.h"

#include "validator/printable.h"

#include <stdio.h>
#include <string.h>

/* "127.0.0.1", "[::1]" */
static bool is_literal(const char *host, struct address *address)
{
	char text[ADDRESS_TEXT_SIZE];
	size_t size = strlen(host);
	if (host[0] != '[')
		return address_parse(host, address);
	if (host[size - 1] != ']' || size - 2 >= sizeof text)
		return false;
	snprintf(text, sizeof text, "%.*s", (int)(size - 2), host + 1);
	return address_parse(text, address);
}

bool reach_lets(enum reach reach, const char *host, const struct address *address,
                struct error *err)
{
	const char *holder, *what = address_special(address, &holder);
	struct address literal;
	if (reach == REACH_ANYWHERE || what == NULL)
		return true;
	bool is_loopback = strcmp(what, ADDRESS_LOOPBACK) == 0;
	bool is_itself = is_literal(host, &literal) && address_equal(&literal, address);
	if (is_itself && (is_loopback || reach == REACH_LISTED))
		return true;
	char text[ADDRESS_TEXT_SIZE], shown[PRINTABLE_NAME_SIZE];
	return error_set(
	    err, ERROR_DENIED, "%s leads to %s, which is %s%s%s; a template's URL may not lead there%s",
	    printable_text(host, strlen(host), shown, sizeof shown), address_text(address, text),
	    holder != NULL ? holder : "", holder != NULL ? ", " : "", what,
	    is_loopback ? " by a name: write the address itself"
	                : " unless it is the address itself, of http, and "
	                  "http.allowed_hosts of a --policy-ceiling lists it");
}

bool reach_lets_host(enum reach reach, const char *host, struct error *err)
{
	struct address literal;
	return !is_literal(host, &literal) || reach_lets(reach, host, &literal, err);
}
