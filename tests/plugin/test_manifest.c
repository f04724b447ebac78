#include "tests/plugin/table.h"

#include "plugin/json.h"
#include "plugin/manifest.h"

#define H(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define D1 "sha256:" H("11")
#define D2 "sha256:" H("22")
#define D3 "sha256:" H("33")
#define CONFIG                                                                                     \
	"\"config\":{\"mediaType\":\"application/vnd.wasm.config.v1+json\",\"digest\":\"" D3           \
	"\",\"size\":2}"
#define LAYER(type, digest) "{\"mediaType\":\"" type "\",\"digest\":\"" digest "\",\"size\":36}"
#define IMAGE(layers)                                                                              \
	"{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_OCI_IMAGE "\"," CONFIG ",\"layers\":[" layers \
	"]}"
#define WASM "application/wasm"
#define OLD "application/vnd.wasm.content.layer.v1+wasm"
#define OLDER "application/vnd.module.wasm.content.layer.v1+wasm"
#define TAR "application/vnd.oci.image.layer.v1.tar"
#define TGZ TAR "+gzip"
#define DOCKER "application/vnd.docker.image.rootfs.diff.tar.gzip"

static const struct {
	const char *json, *media_type;
	enum layer_form form;
	size_t layers;
	const char *first;
} images[] = {
    {IMAGE(LAYER(WASM, D1)), MANIFEST_OCI_IMAGE, LAYER_WASM, 1, D1},
    {IMAGE(LAYER(WASM, D1)), NULL, LAYER_WASM, 1, D1},
    {IMAGE(LAYER(WASM, D1)), MANIFEST_OCI_IMAGE "; charset=utf-8", LAYER_WASM, 1, D1},
    {IMAGE(LAYER(WASM, D1)), "text/plain", LAYER_WASM, 1, D1},
    {IMAGE(LAYER(OLD, D1)), NULL, LAYER_WASM, 1, D1},
    {IMAGE(LAYER(OLDER, D1)), NULL, LAYER_WASM, 1, D1},
    {IMAGE(LAYER("Application/WASM", D1)), NULL, LAYER_WASM, 1, D1},
    {IMAGE(LAYER(TAR, D1)), NULL, LAYER_TAR, 1, D1},
    {IMAGE(LAYER(TGZ, D1)), NULL, LAYER_TAR, 1, D1},
    {IMAGE(LAYER(TAR "+zstd", D1)), NULL, LAYER_TAR, 1, D1},
    {IMAGE(LAYER(TGZ, D1) "," LAYER(TAR, D2)), NULL, LAYER_TAR, 2, D1},
    /* a Wasm layer among others */
    {IMAGE(LAYER("text/plain", D2) "," LAYER(WASM, D1)), NULL, LAYER_WASM, 1, D1},
    {IMAGE(LAYER(TGZ, D2) "," LAYER(WASM, D1)), NULL, LAYER_WASM, 1, D1},
    /* no mediaType of its own: older writers */
    {"{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER(OLD, D1) "]}", MANIFEST_OCI_IMAGE,
     LAYER_WASM, 1, D1},
    {"{\"schemaVersion\":2,\"layers\":[" LAYER(WASM, D1) "]}", NULL, LAYER_WASM, 1, D1},
    {"{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_DOCKER_IMAGE "\"," CONFIG
     ",\"layers\":[" LAYER(DOCKER, D1) "]}",
     MANIFEST_DOCKER_IMAGE, LAYER_TAR, 1, D1},
    /* sha512 */
    {IMAGE(LAYER(WASM, "sha512:" H("11") H("11"))), NULL, LAYER_WASM, 1, "sha512:" H("11") H("11")},
    /* members that are not ours */
    {"{\"schemaVersion\":2,\"artifactType\":\"x\",\"subject\":null,\"annotations\":{\"a\":\"b\"},"
     "\"layers\":[" LAYER(WASM, D1) "]}",
     NULL, LAYER_WASM, 1, D1},
};

static void every_image(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(images); i++) {
		struct error err = ERROR_INIT;
		cleanup_manifest struct manifest manifest;
		if (!manifest_parse(images[i].json, strlen(images[i].json), images[i].media_type, &manifest,
		                    &err))
			fail_msg("%s: %s", images[i].json, err.message);
		char text[DIGEST_TEXT_SIZE];
		assert_false(manifest.is_index);
		assert_int_equal(manifest.form, images[i].form);
		assert_int_equal(manifest.layer_count, images[i].layers);
		assert_string_equal(digest_format(&manifest.layers[0].digest, text), images[i].first);
		assert_int_equal(manifest.layers[0].size, 36);
	}
}

#define ENTRY(os, arch, digest)                                                                    \
	"{\"mediaType\":\"" MANIFEST_OCI_IMAGE "\",\"digest\":\"" digest                               \
	"\",\"size\":5,\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"}}"
#define BARE(digest)                                                                               \
	"{\"mediaType\":\"" MANIFEST_OCI_IMAGE "\",\"digest\":\"" digest "\",\"size\":5}"
#define INDEX_OF(type, entries)                                                                    \
	"{\"schemaVersion\":2,\"mediaType\":\"" type "\",\"manifests\":[" entries "]}"
#define INDEX(entries) INDEX_OF(MANIFEST_OCI_INDEX, entries)

static const struct {
	const char *json, *chosen;
} indexes[] = {
    {INDEX(ENTRY("linux", "amd64", D1) "," ENTRY("wasi", "wasm", D2)), D2},
    {INDEX(ENTRY("wasi", "wasm32", D2) "," ENTRY("linux", "amd64", D1)), D2},
    {INDEX(
         ENTRY("wasip2", "wasm", D1) "," ENTRY("wasi", "wasm", D3) "," ENTRY("wasip1", "wasm", D2)),
     D2},
    {INDEX(ENTRY("wasip2", "wasm", D1) "," ENTRY("wasi", "wasm", D2)), D2},
    {INDEX(BARE(D2)), D2},
    {INDEX_OF(MANIFEST_DOCKER_LIST, ENTRY("wasi", "wasm", D2)), D2},
    {"{\"schemaVersion\":2,\"manifests\":[" ENTRY("wasi", "wasm", D2) "]}", D2},
};

static void every_index(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(indexes); i++) {
		struct error err = ERROR_INIT;
		cleanup_manifest struct manifest manifest;
		if (!manifest_parse(indexes[i].json, strlen(indexes[i].json), NULL, &manifest, &err))
			fail_msg("%s: %s", indexes[i].json, err.message);
		char text[DIGEST_TEXT_SIZE];
		assert_true(manifest.is_index);
		assert_string_equal(digest_format(&manifest.entry.digest, text), indexes[i].chosen);
	}
}

#define LAYER_OF(digest, size)                                                                     \
	"{\"mediaType\":\"" WASM "\",\"digest\":" digest ",\"size\":" size "}"

static const struct {
	const char *json, *media_type;
	enum error_kind kind;
	const char *why;
} refused[] = {
    {"", NULL, ERROR_NETWORK, "no JSON"},
    {"{", NULL, ERROR_NETWORK, "no JSON"},
    {"[]", NULL, ERROR_NETWORK, "no object"},
    {"{} x", NULL, ERROR_NETWORK, "no JSON"},
    {"{\"a\":\"\x1b[2J\"}", NULL, ERROR_NETWORK, "no JSON"},
    {"{\"a\":\"\xff\"}", NULL, ERROR_NETWORK, "no JSON"},
    {"{}", NULL, ERROR_NETWORK, "schemaVersion"},
    {"{\"schemaVersion\":1,\"layers\":[]}", NULL, ERROR_NETWORK, "schemaVersion"},
    {"{\"schemaVersion\":\"2\",\"layers\":[]}", NULL, ERROR_NETWORK, "schemaVersion"},
    {"{\"schemaVersion\":2}", NULL, ERROR_NETWORK, "neither layers nor manifests"},
    {"{\"schemaVersion\":2,\"layers\":{}}", NULL, ERROR_NETWORK, "neither"},
    {"{\"schemaVersion\":2,\"schemaVersion\":2,\"layers\":[]}", NULL, ERROR_NETWORK, "no JSON"},
    /* one manifest, two readings */
    {"{\"schemaVersion\":2,\"layers\":[" LAYER(WASM, D1) "],\"manifests\":[" BARE(D2) "]}", NULL,
     ERROR_NETWORK, "both"},
    {IMAGE(LAYER(WASM, D1)), MANIFEST_OCI_INDEX, ERROR_NETWORK, "is served as"},
    {INDEX_OF(MANIFEST_OCI_IMAGE, BARE(D1)), NULL, ERROR_NETWORK, "not those of its type"},
    {INDEX_OF("application/x\\u001b[2J", BARE(D1)), NULL, ERROR_UNSUPPORTED, "'application/x?[2J'"},
    /* layers that are none */
    {IMAGE(""), NULL, ERROR_UNSUPPORTED, "holds no Wasm module"},
    {IMAGE(LAYER("text/plain", D1)), NULL, ERROR_UNSUPPORTED, "[text/plain]"},
    {IMAGE("7"), NULL, ERROR_UNSUPPORTED, "holds no Wasm module"},
    {IMAGE("null,{}"), NULL, ERROR_UNSUPPORTED, "holds no Wasm module"},
    {IMAGE(LAYER(WASM, D1) "," LAYER(OLD, D2)), NULL, ERROR_UNSUPPORTED, "2 Wasm layers"},
    {IMAGE(LAYER_OF("7", "1")), NULL, ERROR_NETWORK, "the digest of layer 0"},
    {IMAGE(LAYER_OF("\"sha256:../../../etc/passwd\"", "1")), NULL, ERROR_NETWORK,
     "the digest of layer 0"},
    {IMAGE(LAYER_OF("\"md5:00\"", "1")), NULL, ERROR_NETWORK, "'md5:00'"},
    {IMAGE(LAYER_OF("\"" D1 "\"", "-1")), NULL, ERROR_NETWORK, "the size of layer 0"},
    {IMAGE(LAYER_OF("\"" D1 "\"", "1.5")), NULL, ERROR_NETWORK, "the size of layer 0"},
    {IMAGE(LAYER_OF("\"" D1 "\"", "\"1\"")), NULL, ERROR_NETWORK, "the size of layer 0"},
    {IMAGE(LAYER_OF("\"" D1 "\"", "99999999999999999999")), NULL, ERROR_NETWORK, "no JSON"},
    {"{\"schemaVersion\":2,\"config\":7,\"layers\":[" LAYER(WASM, D1) "]}", NULL, ERROR_NETWORK,
     "config is no object"},
    /* indexes that lead nowhere */
    {INDEX(""), NULL, ERROR_UNSUPPORTED, "holds no Wasm image"},
    {INDEX("7"), NULL, ERROR_NETWORK, "the entry is no object"},
    {INDEX(ENTRY("linux", "amd64", D1) "," ENTRY("linux", "arm64", D2)), NULL, ERROR_UNSUPPORTED,
     "[linux/amd64, linux/arm64]"},
    {INDEX(ENTRY("linux", "amd64", D1)), NULL, ERROR_UNSUPPORTED, "[linux/amd64]"},
    {INDEX(ENTRY("wasi", "wasm", "sha256:1")), NULL, ERROR_NETWORK, "the digest of the entry"},
};

static void hostile_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct error err = ERROR_INIT;
		struct manifest manifest;
		if (manifest_parse(refused[i].json, strlen(refused[i].json), refused[i].media_type,
		                   &manifest, &err))
			fail_msg("taken: %s", refused[i].json);
		assert_in(refused[i].why, err.message);
		assert_int_equal(err.kind, refused[i].kind);
		assert_null(manifest.layers);
		for (const char *at = err.message; *at != '\0'; at++)
			assert_true(*at >= ' ' && *at <= '~');
	}
}

static void many_layers(void **state)
{
	(void)state;
	for (int count = MANIFEST_LAYERS_MAX; count <= MANIFEST_LAYERS_MAX + 1; count++) {
		struct error err = ERROR_INIT;
		char *json = malloc((size_t)count * 300 + 300);
		strcpy(json, "{\"schemaVersion\":2,\"layers\":[");
		for (int i = 0; i < count; i++)
			strcat(strcat(json, i > 0 ? "," : ""), LAYER(TAR, D1));
		strcat(json, "]}");
		cleanup_manifest struct manifest manifest;
		bool ok = manifest_parse(json, strlen(json), NULL, &manifest, &err);
		assert_int_equal(ok, count <= MANIFEST_LAYERS_MAX);
		if (!ok)
			assert_int_equal(err.kind, ERROR_LIMIT);
		free(json);
	}
}

static void deep_and_large(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct manifest manifest;
	size_t size = MANIFEST_MAX_BYTES + 1;
	char *json = malloc(size);
	memset(json, '[', size);
	assert_false(manifest_parse(json, size, NULL, &manifest, &err));
	assert_int_equal(err.kind, ERROR_LIMIT);
	error_clear(&err);
	assert_false(manifest_parse(json, size - 1, NULL, &manifest, &err));
	assert_in("no JSON", err.message);
	free(json);
}

static void written_form(void **state)
{
	(void)state;
	struct error err = ERROR_INIT;
	struct descriptor layer = {.size = 36};
	assert_true(digest_parse(&layer.digest, D1));
	cleanup_manifest_texts struct manifest_texts texts, again;
	assert_true(manifest_write(&layer, "st\x1b\"ep.wasm", 1700000000, &texts, &err));
	assert_in("\"mediaType\":\"application/vnd.wasm.config.v0+json\"", texts.manifest);
	assert_in("\"org.opencontainers.image.title\":\"st?\\\"ep.wasm\"", texts.manifest);
	assert_in("\"created\":\"2023-11-14T22:13:20Z\"", texts.config);
	assert_in("\"architecture\":\"wasm\",\"os\":\"wasip1\",\"layerDigests\":[\"" D1 "\"]",
	          texts.config);

	cleanup_manifest struct manifest manifest;
	assert_true(
	    manifest_parse(texts.manifest, texts.manifest_size, MANIFEST_OCI_IMAGE, &manifest, &err));
	assert_true(digest_equal(&manifest.layers[0].digest, &layer.digest));
	assert_true(digest_equal(&manifest.config.digest, &texts.config_digest));
	assert_int_equal(manifest.config.size, texts.config_size);

	assert_true(manifest_write(&layer, "st\x1b\"ep.wasm", 1700000000, &again, &err));
	assert_true(digest_equal(&texts.manifest_digest, &again.manifest_digest));
	manifest_texts_clear(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_image),    cmocka_unit_test(every_index),
	    cmocka_unit_test(hostile_ones),   cmocka_unit_test(many_layers),
	    cmocka_unit_test(deep_and_large), cmocka_unit_test(written_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
