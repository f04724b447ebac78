/* Whether a module is signed, as cosign signs by a key: beside the manifest sha256:HEX lies another
 * one, tagged sha256-HEX.sig, whose layers are statements ("simple signing") that name the
 * manifest's digest, each with its signature in an annotation. */
#ifndef PLUGIN_SIGNED_H
#define PLUGIN_SIGNED_H

#include "plugin/resolve.h"

#define SIGNED_LAYERS_MAX 32
#define SIGNED_STATEMENT_MAX ((size_t)64 << 10) /* bytes */

/* False with ERROR_DENIED when none of the resolver's keys signed the manifest of the reference.
 * `layout` is the store that has both; NULL: the registry. */
bool signed_check(const struct resolver *resolver, struct layout *layout,
                  const struct reference *reference, const struct digest *manifest,
                  struct error *err);

#endif
