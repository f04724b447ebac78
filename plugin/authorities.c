#include "plugin/authorities.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void authorities_set(CURL *handle, const char *pem)
{
	if (pem != NULL) {
		struct curl_blob blob = {(void *)(uintptr_t)pem, strlen(pem), CURL_BLOB_NOCOPY};
		curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, &blob);
		return;
	}
	const char *file = getenv("SSL_CERT_FILE"), *folder = getenv("SSL_CERT_DIR");
	if (file != NULL && file[0] != '\0')
		curl_easy_setopt(handle, CURLOPT_CAINFO, file);
	if (folder != NULL && folder[0] != '\0')
		curl_easy_setopt(handle, CURLOPT_CAPATH, folder);
}
