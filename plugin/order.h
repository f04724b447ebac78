/* What the server, its worker parent and its workers say to each other, between two executables of
 * one version.
 *
 * The server and the worker parent, over one SOCK_SEQPACKET pair:
 *
 *     worker parent                             server
 *        | -- worker_hello ----------------------> |   once, at its start
 *        | <-- worker_order, its descriptors ----- |   for each worker; several may be on their way
 *        | -- worker_reply ----------------------> |   to each order, in their order
 *
 * The server and a worker, over one SOCK_STREAM pair:
 *
 *     worker                                    server
 *        | <-- worker_job, its descriptors ------- |   when there is a step; until then it waits
 *        | <-- options and operands -------------- |   each ended by a NUL, to the end of the
 * stream
 *        | -- worker_word, its text -------------> |   when all is done (JOB_RUN), the last of it
 *
 * The end of a stream ends who waits on it. */
#ifndef PLUGIN_ORDER_H
#define PLUGIN_ORDER_H

#include <stdint.h>

/* The worker parent's side of its pair. */
#define ORDER_SOCKET 3

struct worker_hello {
	uint32_t lacks; /* bits 1 << enum sandbox_part, as a first worker found out */
	int32_t landlock;
	uint32_t has_left_network;
	int32_t failure;     /* not 0: the sandbox cannot be entered, for this errno */
	uint64_t build;      /* image_build(); 0: this executable has no images */
	uint32_t image_mode; /* image_mode() of a step's store */
	uint32_t reserved;   /* 0 */
};

/* What a worker is made with: its side of its pair, and its streams. Its stdin is /dev/null. */
enum order_descriptor { ORDER_JOB, ORDER_STDOUT, ORDER_STDERR, ORDER_DESCRIPTORS };

struct worker_order {
	uint32_t descriptors; /* ORDER_DESCRIPTORS */
};

struct worker_reply {
	int32_t pid; /* of a child of the server, or -errno */
};

/* The worker's side of its pair. */
#define JOB_SOCKET 3

enum job_kind {
	JOB_RUN,     /* runs a module: the strings are those of `tiphys run` */
	JOB_COMPILE, /* makes an image of one: the strings are its rules (plugin/image_job.h) */
};

/* Where a worker finds the socket to its broker, when it has one. */
#define JOB_BROKER_NUMBER 4

/* What a compiling worker has: the module's file for reading, an empty file for the image, and the
 * image that there was, when there was one. */
#define JOB_MODULE_NUMBER 4
#define JOB_IMAGE_NUMBER 5
#define JOB_OLD_IMAGE_NUMBER 6

/* What may come with a job. Row: constant, the descriptor that it becomes in the worker. Those
 * above JOB_SOCKET that come with a job of one kind have numbers without a gap. */
#define JOB_DESCRIPTORS(X)                                                                         \
	X(JOB_STDIN, 0)                                                                                \
	X(JOB_BROKER, JOB_BROKER_NUMBER)                                                               \
	X(JOB_MODULE, JOB_MODULE_NUMBER)                                                               \
	X(JOB_IMAGE, JOB_IMAGE_NUMBER)                                                                 \
	X(JOB_OLD_IMAGE, JOB_OLD_IMAGE_NUMBER)

enum job_descriptor {
#define X(id, number) id,
	JOB_DESCRIPTORS(X)
#undef X
	    JOB_DESCRIPTOR_COUNT,
};

struct worker_job {
	uint64_t time_ms;     /* the step's time limit */
	uint32_t descriptors; /* bits 1 << enum job_descriptor: those that come, in their order */
	uint32_t kind;        /* enum job_kind */
	uint64_t file_bytes;  /* JOB_COMPILE: as large may the image become */
	uint64_t data_bytes;  /* JOB_COMPILE: memory that it may take; 0: as its module's size wants */
};

/* How a worker ended that ends by itself, and what the engine says of it: no stream of the guest's,
 * so that neither what the guest writes nor a limit of it hides or forges that.
 *
 * A guest that broke out of the interpreter may say what it likes. Verified is:
 * - that it is over: it is killed at once. Time and output the server counts itself;
 * - that it can be (worker.c, is_word()): a status that is its kind's, limits that such an end
 *   meets. What cannot be is as nothing: its end is waited for;
 * - where its end is waited for anyway, that the kernel tells the same (worker_settle()): who died
 *   of another signal than the server's, or with another status, has said nothing.
 *
 * Nobody can verify a status that it could have exited with, why (`kind`), that the engine met a
 * limit of memory, fuel or stack (one that the step has, step.c), and the text. They go into the
 * result, the message and the log of this one step, and decide nothing beyond it. */
#define WORKER_WORD_MARK 0x646e6521u
struct worker_word {
	uint32_t mark;    /* WORKER_WORD_MARK */
	uint32_t status;  /* 0 … 255 */
	uint32_t kind;    /* enum error_kind: what ended it; ERROR_NONE, ERROR_EXIT: the guest itself,
	                     with any status; another has that of error_exit_status() */
	uint32_t reached; /* bits 1 << enum run_reached (plugin/run.h) */
	uint32_t size; /* of the text behind it: at most WORKER_TEXT_MAX bytes, whole lines but for what
	                  is cut off at its end */
};

/* A backtrace of names as long as they are shown. */
#define WORKER_TEXT_MAX 8192

/* What the exit status of a compiling worker says besides success. */
#define JOB_COMPILED_BEFORE 3 /* the old image is as good as a new one */

#endif
