/* The few reads that the plugin makes of the Kubernetes API: a key of a ConfigMap, a key of a
 * Secret. */
#ifndef PLUGIN_KUBERNETES_H
#define PLUGIN_KUBERNETES_H

#include "plugin/transfer.h"
#include "validator/error.h"

#include <jansson.h>
#include <stdbool.h>

/* Where a pod finds its service account. */
#define KUBERNETES_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

struct kubernetes;

/* From the environment: $K8S_API_URL with $K8S_API_TOKEN, $K8S_API_CA_CRT or $K8S_API_CA_CRT_B64,
 * and $K8S_API_NAMESPACE; or, in a pod, $KUBERNETES_SERVICE_HOST and _PORT with the files of the
 * service account
 * (`account`, a folder), which are read anew at each call, since tokens are replaced. *kubernetes
 * is NULL, without an error, where there is neither. `transfers` is borrowed. */
bool kubernetes_create(struct transfers *transfers, const char *account,
                       struct kubernetes **kubernetes, struct error *err);
void kubernetes_destroy(struct kubernetes *kubernetes);

/* The plugin's own: $PLUGIN_NAMESPACE, else that of the service account. */
const char *kubernetes_namespace(const struct kubernetes *kubernetes);

/* A ConfigMap, for the caller to json_decref(). NULL with *err set; err->sys_errno is ENOENT when
 * there is none. Thread-safe. */
json_t *kubernetes_config_map(struct kubernetes *kubernetes, const char *namespace,
                              const char *name, struct error *err);

/* The value of a Secret's key, for the caller to secret_free(); NULL with *err set. Thread-safe. */
char *kubernetes_secret(struct kubernetes *kubernetes, const char *namespace, const char *name,
                        const char *key, struct error *err);

#endif
