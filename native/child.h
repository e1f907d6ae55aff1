/* The new process between clone and exec, and how it and its parent talk. */
#ifndef SAMPAN_CHILD_H
#define SAMPAN_CHILD_H

#include <linux/filter.h>

#include "plan.h"

/*
 * Memory shared by parent and child: the child tells here how far it came and why it failed. Writing needs no system call, so it
 * works whatever the seccomp filter forbids.
 */
struct report {
	bool execing; /* everything but execve(2) itself is done */
	bool failed;
	struct failure failure;
};

/* One-byte messages on the status socket; its end without a failure in the report means that exec has happened. */
enum word {
	WORD_BEGIN = 'B',    /* parent: the child stage may begin */
	WORD_FINISHED = 'D', /* parent: the parent stage is done */
	WORD_KNOWN = 'K',    /* parent: the process that a `fork` made is registered */
	WORD_TERMINAL = 'T', /* child: here is a terminal's master (SCM_RIGHTS) */
	WORD_FORKED = 'F',   /* child: followed by the pid of the process that goes on */
};

/* What child steps ask for and setUser or exec carry out. */
struct child_settings {
	int status; /* this end of the status socket */
	bool begun;
	bool finished;
	bool own_user_namespace;

	bool has_capabilities;
	uint64_t bounding;
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
	uint64_t ambient;
	bool no_new_privileges;

	struct sock_fprog filter; /* filter.filter is NULL where there is none */
	unsigned filter_flags;
	mode_t umask;
};

/* The child's side of run_begin: carries the child stage out and never returns. */
_Noreturn void child_main(struct run *run, int status, bool own_user_namespace);

/*
 * Keeps others out of this process's /proc entries and memory. A change of ids may undo it (fs.suid_dumpable), so it comes again after each
 * (CVE-2016-9962).
 */
int child_hide(void);

/* Waits until the parent has said `word`. -1 when the parent has given up. */
int child_await(struct child_settings *settings, enum word word);

/* Sends a word with an optional pid (else 0) and an optional descriptor (else -1). -1 with errno. */
int child_send(int status, enum word word, pid_t pid, int fd);

/* clone3 with CLONE_PIDFD (if `pidfd` is not NULL) and, for `cgroup` >= 0, CLONE_INTO_CGROUP. As fork(2). */
pid_t clone_process(uint64_t flags, int cgroup, int *pidfd);

#endif
