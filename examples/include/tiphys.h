/* The import module "tiphys": what a module can reach beyond WASI when its policy grants it. One
 * file, no library: include it and link nothing.
 *
 *   uint32_t request, status, size;
 *   if (tiphys_http_open("GET", 3, url, strlen(url), NULL, 0, 0, TIPHYS_HTTP_FOLLOW, &request) == 0
 * && tiphys_answer(request, &status) == 0) while (tiphys_receive(request, buffer, sizeof buffer,
 * &size) == 0 && size > 0) fwrite(buffer, 1, size, stdout); tiphys_close(request);
 *
 * Every function answers 0 or a WASI errno (<wasi/api.h>, with wasi-libc's strerror() for words).
 * tiphys_failure() tells more of the last one. Of HTTP:
 *
 *   __WASI_ERRNO_ACCES         the destination is not granted, or leads to an address that is not
 *   __WASI_ERRNO_PERM          the method is not granted
 *   __WASI_ERRNO_INVAL         the URL, a header, or a body that is not as long as was said
 *   __WASI_ERRNO_MFILE         as many requests are open as may be
 *   __WASI_ERRNO_FBIG          a body or a head is larger than it may be
 *   __WASI_ERRNO_TIMEDOUT, _HOSTUNREACH, _CONNREFUSED, _CONNRESET, _PROTO, _LOOP, _IO
 *                              the network's own */
#ifndef TIPHYS_H
#define TIPHYS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TIPHYS_IMPORT(name)                                                                        \
	__attribute__((import_module("tiphys"), import_name(name), warn_unused_result))

#define TIPHYS_HTTP_FOLLOW 1u /* go along with redirects; each is checked as the first URL is */
#define TIPHYS_BODY_STREAMED UINT64_MAX /* the body's size is not known: it is sent in chunks */

/* Begins a request. headers: "Name: value\n" lines. body_size: what tiphys_send() will bring, 0 for
 * none. *handle is for the calls below. */
TIPHYS_IMPORT("http_open")
uint32_t tiphys_http_open(const char *method, uint32_t method_size, const char *url,
                          uint32_t url_size, const char *headers, uint32_t headers_size,
                          uint64_t body_size, uint32_t flags, uint32_t *handle);

/* Sends a piece of the body, of any size. */
TIPHYS_IMPORT("send")
uint32_t tiphys_send(uint32_t handle, const void *bytes, uint32_t size);

/* Ends the body and waits for the answer's status. A redirect that wants the body once more is not
 * followed but answered. */
TIPHYS_IMPORT("http_answer")
uint32_t tiphys_answer(uint32_t handle, uint32_t *status);

/* The answer's headers, "name:value\n" lines with names in lower case. *size is what they take,
 * also when the buffer is too small (__WASI_ERRNO_NOBUFS). */
TIPHYS_IMPORT("http_headers")
uint32_t tiphys_headers(uint32_t handle, char *buffer, uint32_t room, uint32_t *size);

/* A piece of the answer's body; *size is 0 at its end. */
TIPHYS_IMPORT("receive")
uint32_t tiphys_receive(uint32_t handle, void *buffer, uint32_t room, uint32_t *size);

TIPHYS_IMPORT("close")
uint32_t tiphys_close(uint32_t handle);

/* ---- small values, kept for the other steps of the workflow ----
 *
 * __WASI_ERRNO_ACCES when nothing is granted, or only reading; __WASI_ERRNO_NOENT,
 * __WASI_ERRNO_INVAL (a key has 1 to 256 bytes, none of them 0), __WASI_ERRNO_FBIG (a value has at
 * most 64 KiB),
 * __WASI_ERRNO_NOSPC (the workflow keeps as much as it may). */

/* *size as of tiphys_headers(). */
TIPHYS_IMPORT("kv_get")
uint32_t tiphys_kv_get(const char *key, uint32_t key_size, void *buffer, uint32_t room,
                       uint32_t *size);
TIPHYS_IMPORT("kv_put")
uint32_t tiphys_kv_put(const char *key, uint32_t key_size, const void *value, uint32_t value_size);
TIPHYS_IMPORT("kv_delete") uint32_t tiphys_kv_delete(const char *key, uint32_t key_size);

/* The keys that begin with `prefix` and stand behind `after`, in the order of their bytes, each
 * ended by a NUL: as many as fit the buffer. To get all, ask again behind the last one until *size
 * is 0. */
TIPHYS_IMPORT("kv_list")
uint32_t tiphys_kv_list(const char *prefix, uint32_t prefix_size, const char *after,
                        uint32_t after_size, char *buffer, uint32_t room, uint32_t *size);

/* ---- objects of a store, whose keys no module sees ----
 *
 * __WASI_ERRNO_ACCES: bucket and key are not listed, or not for writing; __WASI_ERRNO_NOENT;
 * __WASI_ERRNO_INVAL: no key; __WASI_ERRNO_FBIG: the object is larger than it may be. */

/* *handle is for tiphys_receive() and tiphys_close(). */
TIPHYS_IMPORT("blob_get")
uint32_t tiphys_blob_get(const char *bucket, uint32_t bucket_size, const char *key,
                         uint32_t key_size, uint64_t *size, uint32_t *handle);
/* *handle is for tiphys_send(); tiphys_blob_finish() stores the object, then close the handle. */
TIPHYS_IMPORT("blob_put")
uint32_t tiphys_blob_put(const char *bucket, uint32_t bucket_size, const char *key,
                         uint32_t key_size, uint32_t *handle);
TIPHYS_IMPORT("blob_finish") uint32_t tiphys_blob_finish(uint32_t handle);
/* 0 also when there is none. */
TIPHYS_IMPORT("blob_delete")
uint32_t tiphys_blob_delete(const char *bucket, uint32_t bucket_size, const char *key,
                            uint32_t key_size);
/* As tiphys_kv_list(). */
TIPHYS_IMPORT("blob_list")
uint32_t tiphys_blob_list(const char *bucket, uint32_t bucket_size, const char *prefix,
                          uint32_t prefix_size, const char *after, uint32_t after_size,
                          char *buffer, uint32_t room, uint32_t *size);

/* ---- connections ----
 *
 * The descriptor of the connection that the policy lists as "host:port": connected before the
 * module started, for read(), write(), poll() and <sys/socket.h>'s send(), recv() and shutdown().
 * __WASI_ERRNO_ACCES when it is not listed. */
TIPHYS_IMPORT("socket")
uint32_t tiphys_socket(const char *name, uint32_t name_size, uint32_t *fd);

/* A sentence, not terminated, about the last call that failed; *size as of tiphys_headers(). */
TIPHYS_IMPORT("failure")
uint32_t tiphys_failure(char *buffer, uint32_t room, uint32_t *size);

#ifdef __cplusplus
}
#endif

#endif
