/* Whom TLS believes, the same for every connection that tiphys makes. */
#ifndef PLUGIN_AUTHORITIES_H
#define PLUGIN_AUTHORITIES_H

#include <curl/curl.h>

/* Certificates are verified by the authorities in `pem`, which is borrowed as long as the handle is
 * used, or where it is NULL by the system's, or those that $SSL_CERT_FILE and $SSL_CERT_DIR name,
 * as OpenSSL's own programs and Go's have it: for clusters with an authority of their own. */
void authorities_set(CURL *handle, const char *pem);

#endif
