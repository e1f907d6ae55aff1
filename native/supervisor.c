/* A container's supervisor, from the start of its first process to the end of its last client. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dns.h"
#include "failure.h"
#include "frames.h"
#include "hub.h"
#include "oomscore.h"
#include "operations.h"

enum {
	/* How long execs that were killed may take to be gone. */
	EXECS_MS = 2000,
	/* How long clients may take to hear of the end; each is watched more closely by its own timer. */
	FAREWELL_MS = 60000,
};

static struct watch signals = { .fd = -1 };
static struct logfile logfile;

static void children_ended(struct watch *watch, uint32_t events)
{
	struct signalfd_siginfo ignored;

	(void)events;
	while (read(watch->fd, &ignored, sizeof(ignored)) > 0)
		;
	supervised_reap();
}

/* Every signal is held back: nothing but SIGKILL ends a supervisor before its container. */
static int take_signals(void)
{
	sigset_t all;
	sigset_t children;
	int fd;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || watch_open(&signals, fd, children_ended) < 0)
		return -1;
	watch_for(&signals, EPOLLIN);
	return 0;
}

/* "sampan:" and the beginning of the container's id, which the socket's path has in it. */
static void take_name(const char *socket_path)
{
	char name[16] = "sampan";
	size_t digits = 0;

	for (const char *at = socket_path; *at; at++) {
		digits = strchr("0123456789abcdef", *at) ? digits + 1 : 0;
		if (digits == 64)
			snprintf(name, sizeof(name), "sampan:%.8s", at - 63);
	}
	prctl(PR_SET_NAME, name);
}

/* Whoever started the daemon does not wait for us. */
static void let_go_of_daemon(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	umask(022);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (chdir("/") < 0 || null < 0)
		return;
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
}

static void note_loss(const char *text)
{
	hub_notify(FRAME_NOTE, text);
}

static void note_failure(void *context, const struct failure *failure)
{
	char text[2 * FAILURE_TEXT + 128];

	(void)context;
	snprintf(text, sizeof(text), "cleaning up failed at step %u %s: %s %s", failure->index, failure->subject,
		 failure->errnum ? strerror(failure->errnum) : "", failure->detail);
	hub_notify(FRAME_NOTE, text);
}

static int write_state(const struct supervised *first)
{
	struct state state = {
		.pid = (int)first->pid,
		.started_at_ns = first->started_at_ns,
		.exited = first->phase == PHASE_OVER,
		.code = first->code,
		.finished_at_ns = first->finished_at_ns,
		.oom_killed = first->oom_killed,
	};

	return state_write(first->run->supervise.state_file, &state);
}

/* Everything that may fail, before the start is reported. */
static int begin(struct run *run, int control, struct supervised **first, struct client **starter)
{
	if (loop_open() < 0 || take_signals() < 0)
		return -1;
	*first = supervised_new("", run);
	if (!*first || hub_listen(run->supervise.socket) < 0)
		return -1;
	*starter = hub_add(control);
	if (!*starter)
		return -1;
	(*starter)->subscribed = true;
	/* It may want output to be held until its clients are there. */
	client_receive(*starter);
	if (logfile_open(&logfile, &run->log, note_loss) < 0)
		return -1;
	(*first)->log = &logfile;
	oom_open(run);
	if (supervised_runs(*first) < 0 || write_state(*first) < 0)
		return -1;
	relay_open(run);
	dns_open(run);
	return 0;
}

static int give_up(struct run *run, int control, int reason)
{
	struct failure failure = { .stage = STAGE_BEFORE, .operation = OPERATION_supervise };

	fail(&failure, reason, run->supervise.socket, "the supervisor cannot open its socket, log or state file");
	hub_unlink();
	unlink(run->supervise.state_file);
	run_abort(run);
	frame_send_failure(control, &failure);
	return 1;
}

/* Execs in a PID namespace of the container's end with it; others are ended now. */
static void end_execs(void)
{
	int64_t deadline = loop_now() + EXECS_MS;

	while (supervised_execs() && loop_now() < deadline) {
		for (struct supervised *exec = supervised_list->next; exec; exec = exec->next)
			supervised_signal(exec, SIGKILL);
		loop_turn(100);
	}
	for (struct supervised *exec = supervised_list->next, *next; exec; exec = next) {
		next = exec->next;
		supervised_finish(exec);
	}
}

static void say_farewell(void)
{
	int64_t deadline = loop_now() + FAREWELL_MS;

	/* Whoever connected before the socket's name went away is in its queue. */
	loop_turn(0);
	while (!hub_is_empty() && loop_now() < deadline)
		loop_turn(1000);
}

int supervise(struct run *run, int control)
{
	struct supervised *first = NULL;
	struct client *starter = NULL;

	let_go_of_daemon();
	take_name(run->supervise.socket);
	oom_score_protect();
	run->on_after_failure = note_failure;
	if (begin(run, control, &first, &starter) < 0)
		return give_up(run, control, errno);
	client_send_text(starter, FRAME_STARTED, "{\"pid\":%d,\"startedAtNs\":%" PRId64 "}", (int)first->pid,
			 first->started_at_ns);
	supervised_reap();
	while (first->phase != PHASE_OVER)
		loop_turn(-1);
	end_execs();
	logfile_close(&logfile);
	write_state(first);
	relay_close();
	dns_close();
	run_after(run);
	hub_unlink();
	hub_ended(first);
	say_farewell();
	return first->code;
}
