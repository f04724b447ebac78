/* Inside caps/: what the files that ask the broker share. */
#ifndef CAPS_BROKER_CALL_H
#define CAPS_BROKER_CALL_H

#include "caps/broker.h"

void broker_destroy(struct broker *broker);

/* Asks, with the ask->sizes[i] bytes of parts[i] behind it, and waits for the reply. The number of
 * bytes that came, which broker_bytes() shows until the next call, or a negative errno; a denial is
 * noted for `capability`. */
int64_t broker_call(struct caps *caps, enum capability capability, const struct broker_ask *ask,
                    const void *const *parts, struct broker_reply *reply);
const uint8_t *broker_bytes(const struct caps *caps);

/* Keeps what broker_bytes() shows as the head of the handle's answer. */
int broker_keep_answer(struct caps *caps, uint32_t handle, uint32_t status, size_t size);
bool broker_answer(const struct caps *caps, uint32_t handle, uint32_t *status,
                   struct caps_text *headers);
void broker_forget_answer(struct caps *caps, uint32_t handle);

#endif
