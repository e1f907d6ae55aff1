#include "supervised.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "hub.h"
#include "supervisor.h"

enum {
	/* How long a process's output is waited for after its exit: others may have inherited its end of the pipes. */
	DRAIN_MS = 500,
	/* For as long as output still comes or a slow client holds it up, but not for ever. */
	DRAIN_ROUNDS = 60,
};

struct supervised *supervised_list;

static void take_output(struct streams *streams, int stream, const uint8_t *bytes, size_t count)
{
	struct supervised *process = container_of(streams, struct supervised, streams);

	if (process->log)
		logfile_write(process->log, stream, bytes, count);
	hub_output(process, stream, bytes, count);
}

static void take_input(struct streams *streams)
{
	hub_writable(container_of(streams, struct supervised, streams));
}

void supervised_finish(struct supervised *process)
{
	if (process->phase != PHASE_EXITED)
		return;
	process->phase = PHASE_OVER;
	timer_clear(&process->drain);
	streams_close(&process->streams);
	/* The first process's end is the container's: supervise() tells of it when everything is cleaned up. */
	if (process->id[0]) {
		hub_exited(process);
		supervised_free(process);
	}
}

static void output_ended(struct streams *streams)
{
	supervised_finish(container_of(streams, struct supervised, streams));
}

static void drain_expired(struct timer *timer)
{
	struct supervised *process = container_of(timer, struct supervised, drain);
	bool goes_on = streams_moved(&process->streams) || process->streams.holders;

	if (goes_on && ++process->drain_rounds < DRAIN_ROUNDS)
		timer_set(timer, DRAIN_MS);
	else
		supervised_finish(process);
}

struct supervised *supervised_new(const char *id, struct run *run)
{
	struct supervised *process = calloc(1, sizeof(*process));
	struct supervised **link = &supervised_list;

	if (!process)
		return NULL;
	strncpy(process->id, id, ID_SIZE - 1);
	process->run = run;
	process->oom_kills_before = oom_kills();
	process->status.fd = -1;
	process->drain.expire = drain_expired;
	streams_init(&process->streams);
	process->streams.on_output = take_output;
	process->streams.on_writable = take_input;
	process->streams.on_end = output_ended;
	while (*link)
		link = &(*link)->next;
	*link = process;
	return process;
}

struct supervised *supervised_find(const char *id)
{
	for (struct supervised *process = supervised_list; process; process = process->next)
		if (process->phase != PHASE_OVER && strcmp(process->id, id) == 0)
			return process;
	return NULL;
}

bool supervised_execs(void)
{
	return supervised_list && supervised_list->next;
}

int supervised_runs(struct supervised *process)
{
	process->pid = process->run->child;
	process->started_at_ns = process->run->started_at_ns;
	process->phase = PHASE_RUNNING;
	return streams_open(&process->streams, process->run);
}

void supervised_free(struct supervised *process)
{
	struct supervised **link = &supervised_list;

	while (*link && *link != process)
		link = &(*link)->next;
	if (*link)
		*link = process->next;
	hub_forget(process);
	timer_clear(&process->drain);
	timer_clear(&process->patience);
	watch_close(&process->status);
	streams_close(&process->streams);
	if (process->id[0]) {
		run_dispose(process->run);
		free(process->run);
	}
	loop_free(process);
}

static void exited(struct supervised *process, int status)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	process->finished_at_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	process->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	process->oom_killed = oom_kills() > process->oom_kills_before;
	process->phase = PHASE_EXITED;
	streams_process_gone(&process->streams);
	if (streams_ended(&process->streams)) {
		supervised_finish(process);
	} else {
		streams_moved(&process->streams);
		timer_set(&process->drain, DRAIN_MS);
	}
}

static bool is_any_starting(void)
{
	for (struct supervised *process = supervised_list; process; process = process->next)
		if (process->phase == PHASE_STARTING)
			return true;
	return false;
}

static void reap_by_name(void)
{
	struct supervised *next;
	int status;

	for (struct supervised *process = supervised_list; process; process = next) {
		next = process->next;
		if (process->phase == PHASE_RUNNING && waitpid(process->pid, &status, WNOHANG) == process->pid)
			exited(process, status);
	}
}

static struct supervised *running(pid_t pid)
{
	for (struct supervised *process = supervised_list; process; process = process->next)
		if (process->phase == PHASE_RUNNING && process->pid == pid)
			return process;
	return NULL;
}

void supervised_reap(void)
{
	pid_t pid;
	int status;

	/* The children of a starting exec are the executor's to reap: it would signal a reused pid else. */
	if (is_any_starting()) {
		reap_by_name();
		return;
	}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct supervised *process = running(pid);

		/* Others are orphans of the container, or the log's compressor. */
		if (process)
			exited(process, status);
		else if (supervised_list && supervised_list->log)
			logfile_reaped(supervised_list->log, pid);
	}
}

int supervised_signal(struct supervised *process, int signal)
{
	/* Only this process reaps it, so until then the pid is its own: a pidfd would not be safer. */
	if (process->phase == PHASE_RUNNING)
		return kill(process->pid, signal);
	errno = ESRCH;
	return -1;
}
