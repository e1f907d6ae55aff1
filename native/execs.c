/* Starting further processes in the container, without a moment in which the first one is not looked after. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "hub.h"

/* A container may make its own exec hang (a path on a filesystem that it serves); not for ever. */
enum { START_MS = 60000 };

/* The requester's next request may be taken. */
static struct client *let_go(struct supervised *process)
{
	struct client *client = process->requester;

	process->requester = NULL;
	if (client)
		client->starting = NULL;
	return client;
}

static void give_up(struct supervised *process, const struct failure *failure)
{
	struct client *client = let_go(process);

	supervised_free(process);
	if (client)
		client_send_failure(client, failure);
	if (client)
		client_consume(client);
}

static void succeed(struct supervised *process)
{
	struct client *client = let_go(process);
	bool opened = supervised_runs(process) == 0;

	watch_close(&process->status);
	timer_clear(&process->patience);
	if (client)
		client_send_text(client, FRAME_STARTED, "{\"pid\":%d,\"startedAtNs\":%" PRId64 "}", (int)process->pid,
				 process->started_at_ns);
	/* Without its streams it cannot be served; its exit is told all the same. */
	if (!opened)
		supervised_signal(process, SIGKILL);
	if (client)
		client_consume(client);
	hub_writable(process);
}

static void advance(struct watch *watch, uint32_t events)
{
	struct supervised *process = container_of(watch, struct supervised, status);
	struct failure failure = { 0 };
	int result;

	(void)events;
	result = run_advance(process->run, &failure);
	if (result == 0)
		return;
	if (result < 0)
		give_up(process, &failure);
	else
		succeed(process);
	/* Whoever ended meanwhile was left for now. */
	supervised_reap();
}

static void took_too_long(struct timer *timer)
{
	struct supervised *process = container_of(timer, struct supervised, patience);
	struct failure failure = { .stage = STAGE_CHILD };

	fail(&failure, ETIMEDOUT, process->id, "the exec did not start");
	run_abort(process->run);
	give_up(process, &failure);
	/* Whoever ended meanwhile was left for now. */
	supervised_reap();
}

static int decode(struct run *run, const uint8_t *plan, size_t size, struct failure *failure)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return fail(failure, ENOMEM, "", NULL);
	memcpy(copy, plan, size);
	if (plan_decode(&run->plan, copy, size, failure) != 0)
		return -1;
	if (!plan_has_child(&run->plan))
		return fail(failure, 0, "", "an exec's plan has a child stage");
	return 0;
}

static int begin(struct run *run, struct failure *failure)
{
	/* The plan joins the namespaces of the first process through this descriptor, never through a pid. */
	run->slots[TASK_SLOT] = fcntl(supervised_list->run->child_pidfd, F_DUPFD_CLOEXEC, 3);
	if (run->slots[TASK_SLOT] < 0)
		return fail(failure, errno, "", "the first process");
	return run_begin(run, failure);
}

/* The executor owns the status socket; the loop watches a copy, as closing it is the executor's too. */
static int follow(struct supervised *process, struct failure *failure)
{
	int copy = fcntl(process->run->status_fd, F_DUPFD_CLOEXEC, 3);

	if (copy < 0)
		return fail(failure, errno, "", NULL);
	process->status = (struct watch){ .fd = copy, .ready = advance };
	watch_for(&process->status, EPOLLIN);
	process->patience.expire = took_too_long;
	timer_set(&process->patience, START_MS);
	return 0;
}

void exec_start(struct client *client, const char *id, const uint8_t *plan, size_t size)
{
	struct failure failure = { 0 };
	struct run *run = malloc(sizeof(*run));
	struct supervised *process = NULL;

	if (run) {
		run_init(run);
		process = supervised_new(id, run);
	}
	if (!process) {
		free(run);
		fail(&failure, ENOMEM, "", NULL);
		client_send_failure(client, &failure);
		return;
	}
	if (decode(run, plan, size, &failure) < 0 || begin(run, &failure) < 0) {
		supervised_free(process);
		client_send_failure(client, &failure);
		return;
	}
	if (follow(process, &failure) < 0) {
		run_abort(run);
		supervised_free(process);
		client_send_failure(client, &failure);
		return;
	}
	process->requester = client;
	client->starting = process;
}
