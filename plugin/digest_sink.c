#include "plugin/digest_sink.h"

static bool begin(void *env, struct error *err)
{
	struct digest_sink *sink = env;
	sink->size = 0;
	digest_stream_clear(&sink->stream);
	return digest_stream_init(&sink->stream, DIGEST_SHA256, err) &&
	       sink->next->begin(sink->next->env, err);
}

static bool add(void *env, const void *bytes, size_t size, struct error *err)
{
	struct digest_sink *sink = env;
	sink->size += size;
	return digest_stream_add(&sink->stream, bytes, size, err) &&
	       sink->next->add(sink->next->env, bytes, size, err);
}

struct transfer_sink digest_sink_init(struct digest_sink *sink, const struct transfer_sink *next)
{
	*sink = (struct digest_sink){.next = next};
	return (struct transfer_sink){begin, add, sink};
}

void digest_sink_clear(struct digest_sink *sink)
{
	digest_stream_clear(&sink->stream);
}

bool digest_sink_finish(struct digest_sink *sink, struct digest *digest, struct error *err)
{
	return digest_stream_finish(&sink->stream, digest, err);
}
