/* The broker of one run: looks at each thing that the run asks for over its socket, and does it
 * (caps/broker_wire.h). The run is the adversary: it holds no key and no connection, and whatever
 * it sends can cost it no more than its own requests. */
#ifndef PLUGIN_BROKER_H
#define PLUGIN_BROKER_H

#include "plugin/broker_blob.h"
#include "plugin/broker_kv.h"
#include "plugin/broker_socket.h"
#include "plugin/http_terms.h"

/* What the policy of the run lets it do. {0}: nothing. */
struct broker_terms {
	bool has_http;
	struct http_terms http;
	struct kv_terms kv;
	struct socket_terms sockets;
	struct blob_terms blob;
};

void broker_terms_clear(struct broker_terms *terms);

/* Whether a run with these terms needs a broker at all. */
bool broker_is_needed(const struct broker_terms *terms);

/* Serves the run at the other end of `fd`, a SOCK_SEQPACKET socket, until it hangs up. Blocks;
 * takes `fd` over. False with *err set when it could not begin, or when the run sent what no client
 * of ours sends (ERROR_DENIED). Many may run in threads of one process. */
bool broker_serve(int fd, const struct broker_terms *terms, struct error *err);

#endif
