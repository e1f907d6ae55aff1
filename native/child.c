/* The new process between clone and exec. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "path.h"

pid_t clone_process(uint64_t flags, int cgroup, int *pidfd)
{
	struct clone_args args = {.flags = flags};
	if (!(flags & CLONE_PARENT)) args.exit_signal = SIGCHLD;
	if (pidfd) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uintptr_t)pidfd;
	}
	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)cgroup;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

int child_hide(void)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int child_send(int status, enum word word, pid_t pid, int fd)
{
	struct {
		char word;
		char zero[3];
		pid_t pid;
	} message = {(char)word, {0}, pid};
	struct iovec part = {&message, sizeof message};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	if (fd >= 0) {
		header.msg_control = &control;
		header.msg_controllen = sizeof control.bytes;
		struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &fd, sizeof fd);
	}
	ssize_t sent;
	do sent = sendmsg(status, &header, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -1 : 0;
}

/* The parent's words may come together: the end of its stage is also the leave to begin. */
int child_await(struct child_settings *settings, enum word word)
{
	for (;;) {
		if (word == WORD_BEGIN && (settings->begun || settings->finished)) return 0;
		if (word == WORD_FINISHED && settings->finished) return 0;
		char received;
		ssize_t size = read(settings->status, &received, 1);
		if (size < 0 && errno == EINTR) continue;
		if (size != 1) return -1;
		settings->begun |= received == WORD_BEGIN;
		settings->finished |= received == WORD_FINISHED;
		if (word == WORD_KNOWN && received == WORD_KNOWN) return 0;
	}
}

_Noreturn static void give_up(struct run *run, const struct failure *failure)
{
	run->report->failure = *failure;
	run->report->failed = true;
	_exit(1);
}

/* A supervisor catches and ignores signals that the container's process must find as they are by default. */
static void reset_signals(void)
{
	for (int signal = 1; signal < NSIG; signal++) {
		struct sigaction action = {.sa_handler = SIG_DFL};
		sigaction(signal, &action, NULL);
	}
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The pipes' far ends become 0 to 2. The launcher's own 0 is /dev/null, which stands in for what there is no pipe for. */
static int take_streams(struct run *run)
{
	for (int fd = 2; fd >= 0; fd--) {
		int source = run->child_streams[fd] >= 0 ? run->child_streams[fd] : 0;
		if (source != fd && dup2(source, fd) < 0) return -1;
	}
	return 0;
}

static int ascending(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/*
 * Leaves the standard streams, the status socket and what steps may name. A supervisor's log, clients and streams are nothing for a process
 * that is about to be seen by a container, even before exec.
 */
static int close_foreign(const struct run *run, int status)
{
	int kept[SLOTS + 2] = {status, procfs_descriptor()};
	size_t count = 2;
	unsigned from = 3;
	for (int i = 0; i < SLOTS; i++) {
		if (run->slots[i] >= 0) kept[count++] = run->slots[i];
	}
	qsort(kept, count, sizeof *kept, ascending);
	for (size_t i = 0; i < count; i++) {
		unsigned next = (unsigned)kept[i];
		if (next < from) continue;
		if (next > from && syscall(SYS_close_range, from, next - 1, 0) != 0) return -1;
		from = next + 1;
	}
	return (int)syscall(SYS_close_range, from, UINT_MAX, 0);
}

/* In a new user namespace the maps are written by now: become its root, so that what is made belongs to somebody. */
static int become_namespace_root(void)
{
	if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0 || child_hide() != 0) return -1;
	return setgroups(0, NULL) == 0 || errno == EPERM ? 0 : -1;
}

static int prepare(struct run *run, struct failure *failure)
{
	reset_signals();
	setsid();
	umask(0);
	if (take_streams(run) != 0) return fail(failure, errno, "", "standard streams");
	if (close_foreign(run, run->settings->status) != 0)
		return fail(failure, errno, "", "closing descriptors");
	if (child_await(run->settings, WORD_BEGIN) != 0) return fail(failure, ECANCELED, "", NULL);
	if (run->settings->own_user_namespace && become_namespace_root() != 0) {
		return fail(failure, errno, "", "becoming root of the new user namespace");
	}
	return 0;
}

_Noreturn void child_main(struct run *run, int status, bool own_user_namespace)
{
	struct failure failure = {.stage = STAGE_CHILD, .operation = OPERATION_clone};
	struct child_settings settings = {
	        .status = status, .own_user_namespace = own_user_namespace, .umask = 022};
	run->settings = &settings;
	close_fd(&run->status_fd);
	if (prepare(run, &failure) != 0) give_up(run, &failure);
	for (uint32_t i = 0; i < run->plan.counts[STAGE_CHILD]; i++) {
		if (step_run(run, run->plan.steps[STAGE_CHILD][i], &failure) != 0) give_up(run, &failure);
		free(run->result);
		run->result = NULL;
		run->has_result = false;
	}
	/* The decoder made sure that the last step is an exec, which returns only when it fails. */
	give_up(run, &failure);
}
