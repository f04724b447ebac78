/* The handlers, declared from the table: one whose parameters do not fit its row does not compile.
 */
#ifndef WASI_HANDLER_H
#define WASI_HANDLER_H

#include "wasi/guest.h"

#define WASI_SIGNATURE(id, text, result, parameters) typedef result signature_##id parameters;
#include "wasi/signature.def"
#undef WASI_SIGNATURE

#define WASI_FUNCTION(name, signature, capability, access) signature_##signature wasi_##name;
#include "wasi/preview1.def"
#undef WASI_FUNCTION

#define WASI_FUNCTION(name, signature, capability, access)                                         \
	signature_##signature experimental_http_##name;
#include "wasi/experimental_http.def"
#undef WASI_FUNCTION

#define WASI_FUNCTION(name, signature, capability, access) signature_##signature tiphys_##name;
#include "wasi/tiphys.def"
#undef WASI_FUNCTION

#endif
