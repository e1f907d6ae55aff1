/* The resident launcher: one process for each plan. */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "frames.h"
#include "netlink-watch.h"
#include "path.h"
#include "plan.h"
#include "seal.h"
#include "tree.h"

enum { BACKLOG = 1024, REQUEST_SECONDS = 30, PAUSE_MS = 10 };

/* --- one plan ------------------------------------------------------------------------------------------------------------- */

static void send_result(void *context, uint32_t index, const void *bytes, size_t size)
{
	uint8_t head[4] = {
	        (uint8_t)(index >> 24), (uint8_t)(index >> 16), (uint8_t)(index >> 8), (uint8_t)index};
	frame_send(*(const int *)context, FRAME_RESULT, head, sizeof head, bytes, size);
}

static void log_after_failure(void *context, const struct failure *failure)
{
	(void)context;
	autofree char *text = failure_json(failure);
	if (text) fprintf(stderr, "%s\n", text);
}

/* Without a supervisor the launcher itself sees the process to its end. */
static int finish(struct run *run, int connection)
{
	uint8_t status[4];
	size_t size = 0;
	if (run->child > 0) {
		int wait_status = 0;
		while (waitpid(run->child, &wait_status, 0) < 0 && errno == EINTR) continue;
		run->child = 0;
		for (int i = 0; i < 4; i++) status[i] = (uint8_t)((unsigned)wait_status >> (24 - 8 * i));
		size = sizeof status;
	}
	run_after(run);
	return frame_send(connection, FRAME_DONE, status, size, NULL, 0) == 0 ? 0 : 1;
}

/* A client that sends nothing must not keep a process for ever. */
static int receive_plan(int connection, struct run *run, struct failure *failure)
{
	struct timeval limit = {.tv_sec = REQUEST_SECONDS};
	struct timeval none = {0};
	uint8_t type;
	uint8_t *payload;
	size_t size;
	setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	int received = frame_receive(connection, &type, &payload, &size, PLAN_BYTES_MAX);
	setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
	if (received == 0) return 0;
	if (received < 0) return fail(failure, errno, "", "no plan came");
	if (type == FRAME_PLAN) return plan_decode(&run->plan, payload, size, failure) == 0 ? 1 : -1;
	free(payload);
	return fail(failure, 0, "", "a frame of type 0x%x instead of a plan", type);
}

static int serve_connection(int connection)
{
	struct run run;
	struct failure failure = {0};
	run_init(&run);
	run.on_result = send_result;
	run.on_after_failure = log_after_failure;
	run.context = &connection;
	int received = receive_plan(connection, &run, &failure);
	if (received == 0) return 0;
	if (received < 0 || run_plan(&run, &failure) != 0) {
		frame_send_failure(connection, &failure);
		run_dispose(&run);
		return 1;
	}
	if (run.supervise.socket) return supervise(&run, connection);
	if (run.tree_root >= 0) return tree_serve(&run, connection);
	if (watch_wanted()) return watch_serve(connection);
	int status = finish(&run, connection);
	run_dispose(&run);
	return status;
}

/* --- the resident process ------------------------------------------------------------------------------------------------- */

static int listen_on(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	autoclose fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || (unlink(path) != 0 && errno != ENOENT)) return -1;
	mode_t mask = umask(0177);
	int result = bind(fd, (struct sockaddr *)&address, sizeof address);
	umask(mask);
	if (result != 0 || listen(fd, BACKLOG) != 0) return -1;
	return keep_fd(&fd);
}

/* Children are nobody's to wait for, and a client that hangs up is no reason to die. What was inherited counts for nothing. */
static void set_signals(void)
{
	for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
	struct sigaction reap = {.sa_handler = SIG_IGN, .sa_flags = SA_NOCLDWAIT};
	sigaction(SIGCHLD, &reap, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Keeps standard input under another number, so that 0 and 1 of every process made here are /dev/null. */
static int take_standard_streams(void)
{
	int input = fcntl(0, F_DUPFD_CLOEXEC, 3);
	autoclose null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (input < 0 || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0) return -1;
	return input;
}

static void accept_connections(int listener, int input)
{
	for (;;) {
		int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (connection < 0) {
			/* Short of descriptors or memory: the client still waits, and so would a loop without a pause, busily. */
			if (errno != EAGAIN) poll(NULL, 0, PAUSE_MS);
			return;
		}
		pid_t pid = fork();
		if (pid == 0) {
			close(listener);
			close(input);
			signal(SIGCHLD, SIG_DFL);
			int status = serve_connection(connection);
			netlink_settle();
			_exit(status);
		}
		close(connection);
	}
}

/* Standard input is the daemon's end of a pipe: its end is the daemon's. */
static bool daemon_gone(int input)
{
	char ignored[64];
	return read(input, ignored, sizeof ignored) <= 0;
}

static int serve_until_end(int listener, int input)
{
	struct pollfd watched[] = {{.fd = listener, .events = POLLIN}, {.fd = input, .events = POLLIN}};
	for (;;) {
		if (poll(watched, 2, -1) < 0 && errno != EINTR) return 1;
		if (watched[0].revents) accept_connections(listener, input);
		if (watched[1].revents && daemon_gone(input)) return 0;
	}
}

static int start(const char *socket_path, char **argv, struct failure *failure)
{
	if (seal_program(argv) != 0) return fail(failure, errno, argv[0], "sealed copy");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail(failure, errno, "", NULL);
	prctl(PR_SET_NAME, "sampan-launcher", 0, 0, 0);
	/* Signals from the daemon's terminal are the daemon's. */
	setsid();
	set_signals();
	if (procfs_open(failure) != 0) return -1;
	int listener = listen_on(socket_path);
	return listener < 0 ? fail(failure, errno, socket_path, "socket") : listener;
}

int serve(const char *socket_path, char **argv)
{
	struct failure failure = {0};
	int listener = start(socket_path, argv, &failure);
	if (listener < 0) {
		fprintf(stderr, "sampan-launcher: %s: %s (%s)\n", failure.subject, strerror(failure.errnum),
		        failure.detail);
		return 1;
	}
	if (write(1, "ready\n", 6) != 6) return 1;
	int input = take_standard_streams();
	if (input < 0) return 1;
	umask(0);
	/* The socket's file stays: by now it may be another launcher's. */
	return serve_until_end(listener, input);
}
