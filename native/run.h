/*
 * A plan being carried out: what the executor and the supervisor share.
 *
 * Life: run_init, plan_decode into `plan`, then run_plan (or run_begin and run_advance from an event loop), then - once the
 * process is gone - run_after, then run_dispose. Where run_begin, run_advance or run_plan fail, the child has been killed
 * and reaped and the after stage is done; only run_dispose is left to call.
 */
#ifndef SAMPAN_RUN_H
#define SAMPAN_RUN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "failure.h"

enum stage { STAGE_BEFORE = 0, STAGE_PARENT = 1, STAGE_CHILD = 2, STAGE_AFTER = 3, STAGES = 4 };

enum {
	SLOTS = 64,
	/* An exec plan finds the pidfd of the container's first process here: the supervisor stores it before run_begin. */
	TASK_SLOT = 63,
	PLAN_BYTES_MAX = 16 << 20,
	PLAN_OPERATIONS_MAX = 8192,
	OOM_WATCHES_MAX = 4,
	PUBLISHED_MAX = 4096,
};

struct step; /* plan.h */

struct plan {
	uint8_t *bytes; /* the encoded plan, malloc'd; the steps' texts point into it */
	void *arena;    /* the steps' decoded arguments */
	struct step **steps[STAGES];
	uint32_t counts[STAGES];
};

/* From `streams`. */
struct stream_options {
	bool wanted; /* the plan has a `streams` step; else the process gets /dev/null */
	bool terminal;
	bool stdin_open;
	bool stdin_once;
};

/* From `logFile`; texts live as long as the plan. */
struct log_options {
	const char *path; /* NULL: no log */
	uint64_t max_size;
	uint32_t max_files;
	const char *attributes;
	bool compress;
};

/* From `supervise`; `socket` is NULL in exec and one-shot plans. */
struct supervise_options {
	const char *socket;
	const char *state_file;
};

/* From `publish`: a bound (and, but for UDP, listening) socket on an address of the host, and where its traffic goes. */
struct published {
	int fd;
	int protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	struct sockaddr_storage host;
	socklen_t host_size;
	struct sockaddr_storage target;
	socklen_t target_size;
};

struct dns_settings; /* dns-settings.h */

/* From `serveDns`: bound sockets in the container's network, and what they are to answer from; NULL: there are none. */
struct dns_options {
	int udp;
	int tcp;
	struct dns_settings *settings;
};

/*
 * From `watchOom`. Version 1: `event` is an eventfd (readable: 8 bytes) and `file` memory.oom_control; version 2: both are
 * memory.events (EPOLLPRI). Either file has a line "oom_kill N", which is the truth: v1 also signals at the group's removal.
 */
struct oom_watch {
	int version;
	int event;
	int file;
};

/* What `resolveUser` found. */
struct resolved_user {
	bool known;
	uint32_t uid;
	uint32_t gid;
	uint32_t *groups; /* malloc'd */
	size_t group_count;
	char *home; /* malloc'd, NULL: "/" */
};

struct child_settings; /* child.h: what takes effect at setUser and exec */
struct report;         /* child.h: memory shared with the child, where it says why it failed */

struct run {
	struct plan plan;
	int slots[SLOTS]; /* -1: empty */

	pid_t child;           /* 0 before clone; the process (after a `fork` step: the one that goes on) */
	int child_pidfd;       /* of `child`; -1 before clone */
	int64_t started_at_ns; /* CLOCK_REALTIME right after exec */

	struct stream_options streams;
	int terminal_fd; /* the master, once the child has opened it; else -1 */
	int stdin_fd; /* this side's ends of the pipes, blocking and close-on-exec; -1 where there is none */
	int stdout_fd;
	int stderr_fd;

	int tree_root; /* from `serveTree`, else -1 */

	struct supervise_options supervise;
	struct log_options log;
	struct published *published; /* malloc'd; whoever takes an fd over sets it to -1 */
	size_t published_count;
	struct plan *unpublish; /* from PUBLISH, malloc'd: its after stage takes the place of this plan's `netlink` steps */
	struct dns_options dns;
	struct oom_watch oom[OOM_WATCHES_MAX];
	size_t oom_count;

	/* Called for each result of the before stage, and for each failure in the after stage. Both may be NULL. */
	void (*on_result)(void *context, uint32_t index, const void *bytes, size_t size);
	void (*on_after_failure)(void *context, const struct failure *failure);
	void *context;

	/* The executor's own. */
	int status_fd; /* readable when run_advance has something to do; -1 when the process runs */
	struct report *report;
	uint32_t clone_index;
	uint64_t clone_flags;
	int64_t clone_cgroup; /* a slot, -1: none */
	struct resolved_user user;
	struct child_settings *settings;
	int mask_null; /* verified /dev/null and empty tmpfs that `mask` binds; -1 before the first use */
	int mask_directory;
	int child_streams[3];
	bool after_done;
	uint8_t *result; /* of the step that just ran; malloc'd */
	size_t result_size;
	bool has_result;
};

void run_init(struct run *run);

/* Decodes a plan with strict limits. Takes `bytes` (malloc'd) over in every case. */
int plan_decode(struct plan *plan, uint8_t *bytes, size_t size, struct failure *failure);

void plan_dispose(struct plan *plan);

bool plan_has_child(const struct plan *plan);

/*
 * The before stage, then - if there is a `clone` - the child and the parent stage. Returns 0 with `status_fd` to watch for
 * reading, or -1. Without `clone` nothing is left to advance.
 */
int run_begin(struct run *run, struct failure *failure);

/* Takes what the child reports. Returns 1 once it has exec'd, 0 if it is not that far, -1 if it failed. May block only for an instant. */
int run_advance(struct run *run, struct failure *failure);

/* run_begin and run_advance to the end: blocks until the process has exec'd. */
int run_plan(struct run *run, struct failure *failure);

/* Gives a begun run up: kills and reaps the child, does the after stage. */
void run_abort(struct run *run);

/* The after stage, once; failures go to on_after_failure. */
void run_after(struct run *run);

/* Closes every descriptor and frees; does not touch the process. */
void run_dispose(struct run *run);

/* Comes last in a process that carried plans out, when all has been told: see netlink.c. */
void netlink_settle(void);

/*
 * The supervisor (supervisor.c): called after run_plan of a plan with a `supervise` step, in the process that is the
 * container's parent. Sends FRAME_STARTED on `control` once the socket listens and the state file is written, calls
 * run_after when the process is gone, and returns the exit status of this launcher process. It owns `control` and `run`.
 */
int supervise(struct run *run, int control);

#endif
