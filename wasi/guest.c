#include "wasi/guest.h"

#include <errno.h>

struct guest guest_enter(struct host_call *call)
{
	const struct binding *binding = call->env;
	struct guest g = {
	    .call = call,
	    .wasi = binding->wasi,
	    .caps = binding->wasi->caps,
	    .snapshot = binding->snapshot,
	};
	g.memory = host_memory(call, &g.size);
	return g;
}

uint32_t guest_put_u32(const struct guest *g, uint32_t at, uint32_t value)
{
	uint8_t *out;
	if (!guest_range(g, at, sizeof(value), &out))
		return WASI_EFAULT;
	store_u32(out, value);
	return WASI_ESUCCESS;
}

uint32_t guest_put_u64(const struct guest *g, uint32_t at, uint64_t value)
{
	uint8_t *out;
	if (!guest_range(g, at, sizeof(value), &out))
		return WASI_EFAULT;
	store_u64(out, value);
	return WASI_ESUCCESS;
}

uint32_t guest_path(const struct guest *g, uint32_t at, uint32_t len, struct guest_path *path)
{
	uint8_t *in;
	if (!guest_range(g, at, len, &in))
		return WASI_EFAULT;
	if (len > CAPS_PATH_MAX)
		return WASI_ENAMETOOLONG;
	memcpy(path->text, in, len);
	path->text[len] = '\0';
	return strlen(path->text) == len ? WASI_ESUCCESS : WASI_EILSEQ;
}

uint32_t guest_iovs(const struct guest *g, uint32_t at, uint32_t count, struct iovec *iovs)
{
	uint8_t *in;
	uint64_t sum = 0;
	if (!guest_range(g, at, (uint64_t)count * IOVEC_SIZE, &in))
		return WASI_EFAULT;
	if (count > CAPS_IOV_MAX)
		return WASI_EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t size = load_u32(in + i * IOVEC_SIZE + 4);
		uint8_t *bytes;
		if (!guest_range(g, load_u32(in + i * IOVEC_SIZE), size, &bytes))
			return WASI_EFAULT;
		iovs[i] = (struct iovec){bytes, size};
		sum += size;
	}
	return sum > UINT32_MAX ? WASI_EINVAL : WASI_ESUCCESS;
}

int guest_text(const struct guest *g, uint32_t at, uint32_t size, struct caps_text *text)
{
	uint8_t *bytes;
	if (!guest_range(g, at, size, &bytes))
		return -EFAULT;
	*text = (struct caps_text){(const char *)bytes, size};
	return 0;
}

int guest_put_text(const struct guest *g, struct caps_text text, uint32_t at, uint32_t room,
                   uint32_t size_at)
{
	uint8_t *to, *size_to;
	if (!guest_range(g, at, room, &to) || !guest_range(g, size_at, 4, &size_to))
		return -EFAULT;
	store_u32(size_to, (uint32_t)text.size);
	if (text.size > room)
		return -ENOBUFS;
	if (text.size > 0)
		memcpy(to, text.text, text.size);
	return 0;
}
