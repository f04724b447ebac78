/* Container engines with stores of their own, so that nothing of the user's is read or changed. */
#ifndef BENCH_CONTAINERS_H
#define BENCH_CONTAINERS_H

#include "bench/daemon.h"

/* The name that an image made of a root filesystem has in both engines. */
#define CONTAINER_IMAGE(name) "localhost/bench/" name ":1"

/* podman, as root and without systemd: its configuration and store in DIRECTORY, named by the
 * environment of this process. */
bool podman_set_up(const char *directory, struct error *err);

/* An option of `podman run`: the control group that its containers have theirs in, which is called
 * as bench/leftover.h has it. Podman makes it and leaves it; by default it is libpod_parent, which
 * is anybody's. Borrowed. */
const char *podman_parent(void);

/* Makes an image of a root filesystem; anew, so that it holds what the tree holds. */
bool podman_import(const char *rootfs, const char *image, struct error *err);

/* Writes podman's image to a file that containerd can import. */
bool podman_save(const char *image, const char *file, struct error *err);

/* A containerd of our own. */
struct containerd {
	struct daemon daemon;
	char socket[108], fifos[128]; /* fifos: where ctr keeps those of its containers */
};

/* *containerd is {0} before and is for containerd_end() after, on failure too. */
bool containerd_start(struct containerd *containerd, const char *directory, struct error *err);
bool containerd_import(const struct containerd *containerd, const char *file, struct error *err);
void containerd_end(struct containerd *containerd);

#endif
