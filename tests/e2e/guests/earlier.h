/* The HTTP interface of earlier Wasm plugins, declared as their modules declare it. */
#ifndef TESTS_E2E_GUESTS_EARLIER_H
#define TESTS_E2E_GUESTS_EARLIER_H

#include <stdint.h>

#define IMPORT(name) __attribute__((import_module("wasi_experimental_http"), import_name(name)))

IMPORT("req")
uint32_t req(const char *url, uint32_t url_size, const char *method, uint32_t method_size,
             const char *headers, uint32_t headers_size, const char *body, uint32_t body_size,
             uint16_t *status, uint32_t *handle);
IMPORT("close") uint32_t close_handle(uint32_t handle);
IMPORT("header_get")
uint32_t header_get(uint32_t handle, const char *name, uint32_t name_size, char *buffer,
                    uint32_t room, uint32_t *size);
IMPORT("headers_get_all")
uint32_t headers_get_all(uint32_t handle, char *buffer, uint32_t room, uint32_t *size);
IMPORT("body_read")
uint32_t body_read(uint32_t handle, char *buffer, uint32_t room, uint32_t *size);

#endif
