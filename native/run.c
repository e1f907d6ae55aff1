/* The executor: carries a plan's stages out and starts its process. See run.h for the life of a run. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "child.h"
#include "cleanup.h"
#include "dns.h"
#include "oomscore.h"
#include "path.h"
#include "plan.h"

/* How long a process that was killed may take to go. */
enum { REAP_MS = 2000 };

void run_init(struct run *run)
{
	*run = (struct run){0};
	for (int i = 0; i < SLOTS; i++) run->slots[i] = -1;
	for (int i = 0; i < 3; i++) run->child_streams[i] = -1;
	run->child_pidfd = run->status_fd = -1;
	run->dns.udp = run->dns.tcp = -1;
	run->terminal_fd = run->stdin_fd = run->stdout_fd = run->stderr_fd = -1;
	run->mask_null = run->mask_directory = run->tree_root = -1;
}

static void drop_result(struct run *run)
{
	free(run->result);
	run->result = NULL;
	run->result_size = 0;
	run->has_result = false;
}

/* The before or the parent stage, up to the first failure. */
static int run_stage(struct run *run, enum stage stage, struct failure *failure)
{
	for (uint32_t i = 0; i < run->plan.counts[stage]; i++) {
		if (step_run(run, run->plan.steps[stage][i], failure) != 0) return -1;
		if (run->has_result && stage == STAGE_BEFORE && run->on_result) {
			run->on_result(run->context, i, run->result, run->result_size);
		}
		drop_result(run);
	}
	return 0;
}

static void run_after_step(struct run *run, const struct step *step)
{
	struct failure failure = {0};
	if (step_run(run, step, &failure) != 0 && run->on_after_failure) {
		run->on_after_failure(run->context, &failure);
	}
	drop_result(run);
}

void run_after(struct run *run)
{
	const struct plan *unpublish = run->unpublish;
	if (run->after_done) return;
	run->after_done = true;
	for (uint32_t i = 0; unpublish && i < unpublish->counts[STAGE_AFTER]; i++)
		run_after_step(run, unpublish->steps[STAGE_AFTER][i]);
	for (uint32_t i = 0; i < run->plan.counts[STAGE_AFTER]; i++) {
		const struct step *step = run->plan.steps[STAGE_AFTER][i];
		if (!unpublish || step->operation != OPERATION_netlink) run_after_step(run, step);
	}
}

/* --- starting the process ------------------------------------------------------------------------------------------------ */

static int open_pipe(int *reading, int *writing)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0) return -1;
	*reading = ends[0];
	*writing = ends[1];
	return 0;
}

/* A terminal is opened by the child, in its own devpts; streams that nobody asked for are /dev/null. */
static int open_streams(struct run *run)
{
	if (!run->streams.wanted || run->streams.terminal) return 0;
	if (run->streams.stdin_open && open_pipe(&run->child_streams[0], &run->stdin_fd) != 0) return -1;
	if (open_pipe(&run->stdout_fd, &run->child_streams[1]) != 0) return -1;
	return open_pipe(&run->stderr_fd, &run->child_streams[2]);
}

static void close_child_streams(struct run *run)
{
	for (int i = 0; i < 3; i++) close_fd(&run->child_streams[i]);
}

static int start_child(struct run *run, struct failure *failure)
{
	*failure = (struct failure){
	        .stage = STAGE_BEFORE, .operation = OPERATION_clone, .index = run->clone_index};
	if (open_streams(run) != 0) return fail(failure, errno, "", "pipes for the standard streams");
	run->report =
	        mmap(NULL, sizeof *run->report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run->report == MAP_FAILED) {
		run->report = NULL;
		return fail(failure, errno, "", NULL);
	}
	int status[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, status) != 0)
		return fail(failure, errno, "", NULL);
	run->status_fd = status[0];

	int cgroup = run->clone_cgroup < 0 ? -1 : slot_fd(run, run->clone_cgroup, failure);
	pid_t pid = run->clone_cgroup >= 0 && cgroup < 0
	                    ? -1
	                    : clone_process(run->clone_flags, cgroup, &run->child_pidfd);
	if (pid == 0) child_main(run, status[1], (run->clone_flags & CLONE_NEWUSER) != 0);
	int reason = errno;
	close(status[1]);
	close_child_streams(run);
	if (pid < 0) return run->clone_cgroup >= 0 && cgroup < 0 ? -1 : fail(failure, reason, "", NULL);
	run->child = pid;
	if (oom_score_restore(pid) != 0) return fail(failure, errno, "oom_score_adj", NULL);
	return 0;
}

static int tell_child(struct run *run, enum word word, struct failure *failure)
{
	/* A child that has gone already says why in the report: run_advance will find it. */
	if (child_send(run->status_fd, word, 0, -1) == 0 || errno == EPIPE) return 0;
	return fail(failure, errno, "", "the new process cannot be reached");
}

int run_begin(struct run *run, struct failure *failure)
{
	*failure = (struct failure){0};
	if (run_stage(run, STAGE_BEFORE, failure) != 0) goto failed;
	if (!plan_has_child(&run->plan)) return 0;
	if (start_child(run, failure) != 0) goto failed;
	if (run_stage(run, STAGE_PARENT, failure) != 0) goto failed;
	if (tell_child(run, WORD_FINISHED, failure) != 0) goto failed;
	return 0;
failed:
	run_abort(run);
	return -1;
}

/* --- following the child ------------------------------------------------------------------------------------------------- */

struct message {
	char word;
	pid_t pid;
	int fd;
};

/* Returns 1 with a message, 0 at the end, -1 with errno. */
static int receive(struct run *run, struct message *message, int flags)
{
	struct {
		char word;
		pid_t pid;
	} body = {0};
	struct iovec part = {&body, sizeof body};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr header = {.msg_iov = &part,
	        .msg_iovlen = 1,
	        .msg_control = &control,
	        .msg_controllen = sizeof control.bytes};
	ssize_t size;
	do size = recvmsg(run->status_fd, &header, MSG_CMSG_CLOEXEC | flags);
	while (size < 0 && errno == EINTR);
	/* A child that ends without having read all that it was told resets the connection. */
	if (size < 0 && errno == ECONNRESET) return 0;
	if (size <= 0) return (int)size;
	*message = (struct message){body.word, body.pid, -1};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
	if (rights && rights->cmsg_type == SCM_RIGHTS)
		memcpy(&message->fd, CMSG_DATA(rights), sizeof message->fd);
	return 1;
}

static int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/*
 * Collects the child, which is on its way out. One that is frozen, or waits for a filesystem that a container serves, does not go even when it
 * is killed: a supervisor must not wait for it, and collects it with the other orphans once it is gone.
 */
static void reap(struct run *run, int *wait_status)
{
	if (run->child <= 0) return;
	if (run->child_pidfd < 0) run->child_pidfd = open_pidfd(run->child);
	struct pollfd end = {.fd = run->child_pidfd, .events = POLLIN};
	int result = 0;
	if (end.fd >= 0) {
		do result = poll(&end, 1, REAP_MS);
		while (result < 0 && errno == EINTR);
	}
	waitpid(run->child, wait_status, WNOHANG);
	run->child = 0;
	close_fd(&run->child_pidfd);
}

/* The process that a `fork` step made takes the child's place; the child itself ends. */
static int adopt(struct run *run, pid_t pid)
{
	int ignored;
	reap(run, &ignored);
	run->child = pid;
	run->child_pidfd = open_pidfd(pid);
	return run->child_pidfd < 0 ? -1 : 0;
}

/* The status socket has ended: either the program runs now, or the report says why it does not. */
static int conclude(struct run *run, struct failure *failure)
{
	if (run->report->failed) {
		*failure = run->report->failure;
		return -1;
	}
	if (!run->report->execing) {
		int wait_status = 0;
		reap(run, &wait_status);
		*failure = (struct failure){.stage = STAGE_CHILD, .operation = OPERATION_clone};
		return fail(failure, 0, "", "the new process ended before exec (wait status 0x%x)",
		        (unsigned)wait_status);
	}
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	run->started_at_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	close_fd(&run->status_fd);
	return 0;
}

int run_advance(struct run *run, struct failure *failure)
{
	struct message message;
	int received = receive(run, &message, 0);
	if (received == 0) {
		if (conclude(run, failure) == 0) return 1;
		goto failed;
	}
	if (received > 0 && message.word == WORD_TERMINAL) {
		close_fd(&run->terminal_fd);
		run->terminal_fd = message.fd;
		return 0;
	}
	if (received > 0 && message.word == WORD_FORKED && adopt(run, message.pid) == 0) {
		if (tell_child(run, WORD_KNOWN, failure) == 0) return 0;
		goto failed;
	}
	*failure = (struct failure){.stage = STAGE_CHILD, .operation = OPERATION_clone};
	fail(failure, errno, "", "the new process cannot be followed");
failed:
	run_abort(run);
	return -1;
}

int run_plan(struct run *run, struct failure *failure)
{
	if (run_begin(run, failure) != 0) return -1;
	if (run->status_fd < 0) return 0;
	int result;
	do result = run_advance(run, failure);
	while (result == 0);
	return result < 0 ? -1 : 0;
}

/* --- ending --------------------------------------------------------------------------------------------------------------- */

static void kill_child(struct run *run)
{
	int ignored;
	if (run->child <= 0) return;
	kill(run->child, SIGKILL);
	reap(run, &ignored);
}

/*
 * A child killed between making its successor and telling about it leaves one that waits for WORD_KNOWN and ends by itself;
 * one that was told about is known by now.
 */
static void kill_successor(struct run *run)
{
	struct message message;
	while (run->status_fd >= 0 && receive(run, &message, MSG_DONTWAIT) > 0) {
		close_fd(&message.fd);
		if (message.word != WORD_FORKED) continue;
		run->child = message.pid;
		kill_child(run);
	}
	close_fd(&run->status_fd);
}

void run_abort(struct run *run)
{
	kill_child(run);
	kill_successor(run);
	run_after(run);
}

void run_dispose(struct run *run)
{
	for (int i = 0; i < SLOTS; i++) close_fd(&run->slots[i]);
	close_child_streams(run);
	int *const descriptors[] = {&run->child_pidfd, &run->status_fd, &run->terminal_fd, &run->stdin_fd,
	        &run->stdout_fd, &run->stderr_fd, &run->mask_null, &run->mask_directory, &run->tree_root};
	for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++) close_fd(descriptors[i]);
	for (size_t i = 0; i < run->published_count; i++) close_fd(&run->published[i].fd);
	dns_dispose(&run->dns);
	for (size_t i = 0; i < run->oom_count; i++) {
		if (run->oom[i].file != run->oom[i].event) close_fd(&run->oom[i].file);
		close_fd(&run->oom[i].event);
	}
	if (run->report) munmap(run->report, sizeof *run->report);
	free(run->published);
	free(run->user.groups);
	free(run->user.home);
	plan_dispose(&run->plan);
	if (run->unpublish) plan_dispose(run->unpublish);
	free(run->unpublish);
	drop_result(run);
	run_init(run);
}
