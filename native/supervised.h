#ifndef SAMPAN_SUPERVISED_H
#define SAMPAN_SUPERVISED_H

#include <sys/types.h>

#include "logfile.h"
#include "protocol.h"
#include "run.h"
#include "streams.h"

struct client;

enum phase {
	/* An exec whose plan is being carried out. */
	PHASE_STARTING,
	PHASE_RUNNING,
	/* Reaped; output may still come. */
	PHASE_EXITED,
	/* Nothing more will come. */
	PHASE_OVER,
};

/* A process that this supervisor is the parent of: the container's first one, or an exec. */
struct supervised {
	/* Empty for the first one. */
	char id[ID_SIZE];
	enum phase phase;
	struct run *run;
	pid_t pid;
	int64_t started_at_ns;
	int code;
	int64_t finished_at_ns;
	uint64_t oom_kills_before;
	bool oom_killed;

	struct streams streams;
	struct logfile *log; /* NULL for an exec */
	struct timer drain;
	int drain_rounds;

	/* While an exec starts: its plan's progress, and who is told. */
	struct watch status;
	struct timer patience;
	struct client *requester;

	struct supervised *next;
};

/* The first process and after it the execs. */
extern struct supervised *supervised_list;

/* Lists a process; NULL when memory is short. */
struct supervised *supervised_new(const char *id, struct run *run);
/* Finds a process that is not over by its id. */
struct supervised *supervised_find(const char *id);
/* The plan is carried out: takes streams and start time over from the run. */
int supervised_runs(struct supervised *process);
/* Collects every child that has ended. */
void supervised_reap(void);
/* Returns -1 with errno ESRCH when the process has gone. */
int supervised_signal(struct supervised *process, int signal);
/* A process that has exited is over now, whatever output may still come. */
void supervised_finish(struct supervised *process);
/* Forgets a process that failed to start or is over. */
void supervised_free(struct supervised *process);
/* Whether an exec is left. */
bool supervised_execs(void);

/*
 * Starts an exec by its encoded plan, which is copied. The answer (STARTED or FAILED) goes to the client later or at once;
 * with `attached`, the client is joined to the process's streams already.
 */
void exec_start(struct client *client, const char *id, const uint8_t *plan, size_t size);

#endif
