/* Tree sessions; see tree.h. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"
#include "plan.h"

enum { SEND_BUFFER = 1 << 20 };

int op_serve_tree(struct run *run, const struct serve_tree_step *args, struct failure *failure)
{
	int root = slot_fd(run, args->root, failure);
	if (root < 0) return -1;
	if (plan_has_child(&run->plan) || run->plan.counts[STAGE_AFTER] > 0)
		return fail(failure, EINVAL, "", "a plan with a session has a before stage only");
	close_fd(&run->tree_root);
	run->tree_root = fcntl(root, F_DUPFD_CLOEXEC, 0);
	return run->tree_root < 0 ? fail(failure, errno, "", NULL) : 0;
}

enum record_kind kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return RECORD_FILE;
	case S_IFLNK:
		return RECORD_SYMLINK;
	case S_IFCHR:
		return RECORD_CHARACTER;
	case S_IFBLK:
		return RECORD_BLOCK;
	case S_IFDIR:
		return RECORD_DIRECTORY;
	case S_IFIFO:
		return RECORD_FIFO;
	default:
		return RECORD_SOCKET;
	}
}

/* --- stat --------------------------------------------------------------------------------------------------------------- */

static struct span span_of(const char *text)
{
	return (struct span){(const uint8_t *)text, strlen(text)};
}

static bool is_read_only(int fd)
{
	struct statvfs status;
	return fstatvfs(fd, &status) == 0 && (status.f_flag & ST_RDONLY);
}

static int send_found(struct tree *tree, const struct found *found)
{
	const struct statx *status = &found->status;
	struct record record = {
	        .kind = (uint8_t)kind_of(status->stx_mode),
	        .flags = is_read_only(found->fd) ? RECORD_READ_ONLY : 0,
	        .mode = status->stx_mode & 07777,
	        .uid = status->stx_uid,
	        .gid = status->stx_gid,
	        .seconds = status->stx_mtime.tv_sec,
	        .nanoseconds = status->stx_mtime.tv_nsec,
	        .size = status->stx_size,
	        .major = status->stx_rdev_major,
	        .minor = status->stx_rdev_minor,
	        .name = span_of(found->path),
	        .link = span_of(found->target),
	};
	uint8_t bytes[RECORD_HEADER + 2 * PATH_MAX];
	record_encode(&record, bytes);
	return frame_send(tree->outbox.fd, FRAME_TREE_FOUND, bytes, record_size(&record), NULL, 0);
}

int tree_stat(struct tree *tree, const struct request *request, struct failure *failure)
{
	struct found found;
	int result;
	if (tree_find(tree->root, request->path, request->flags & STAT_FOLLOW, &found, failure) == 0) {
		result = send_found(tree, &found);
		close_fd(&found.fd);
	} else if (failure->errnum == ENOENT) {
		result = frame_send(tree->outbox.fd, FRAME_TREE_NOTHING, NULL, 0, NULL, 0);
	} else {
		return -1;
	}
	tree->outbox.gone = result != 0;
	return 0;
}

/* --- the session -------------------------------------------------------------------------------------------------------- */

typedef int verb(struct tree *tree, const struct request *request, struct failure *failure);

static verb *verb_of(uint8_t type)
{
	switch (type) {
	case FRAME_TREE_STAT:
		return tree_stat;
	case FRAME_TREE_READ:
		return tree_read;
	case FRAME_TREE_WRITE:
		return tree_write;
	default:
		return NULL;
	}
}

/* What was still on its way when a verb had failed, or was given up when it was done. */
static bool is_late(uint8_t type)
{
	return type == FRAME_TREE_PARTS || type == FRAME_TREE_END || type == FRAME_TREE_CANCEL;
}

/* Returns false when the session is over. */
static bool serve_request(struct tree *tree)
{
	uint8_t type;
	struct span payload;
	struct request request;
	struct failure failure = {.stage = STAGE_BEFORE, .operation = OPERATION_serve_tree};
	if (inbox_receive(&tree->inbox, &type, &payload) <= 0) return false;
	if (is_late(type)) return true;
	verb *serve = verb_of(type);
	if (!serve) return false;
	/* The next frame takes its place in the inbox. */
	autofree uint8_t *copy = malloc(payload.size + 1);
	if (!copy) return false;
	memcpy(copy, payload.data, payload.size);
	if (request_decode(&request, copy, payload.size) != 0) return false;
	if (serve(tree, &request, &failure) == 0) return !tree->outbox.gone;
	return !tree->outbox.gone && frame_send_failure(tree->outbox.fd, &failure) == 0;
}

/* Nothing of the host is held but its procfs and the root. */
static int prepare(struct run *run, int connection, struct tree *tree)
{
	int size = SEND_BUFFER;
	setsockopt(connection, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	*tree = (struct tree){
	        .root = keep_fd(&run->tree_root), .inbox.fd = connection, .outbox.fd = connection};
	tree->outbox.inbox = &tree->inbox;
	run_dispose(run);
	tree->inbox.bytes = malloc(TREE_FRAME_MAX);
	tree->outbox.bytes = malloc(TREE_FRAME_MAX);
	autoclose descriptors = procfs_file("self/fd", O_PATH | O_DIRECTORY);
	if (!tree->inbox.bytes || !tree->outbox.bytes || descriptors < 0) return -1;
	return fchdir(descriptors);
}

/*
 * Kills the session when the client sends no more, as it may be waiting for a filesystem that somebody serves who does not answer. Holds nothing but the
 * connection, and that for as long as there is a session: its end tells the client that nothing holds the tree any more.
 */
static _Noreturn void watch(int session, int connection)
{
	if (dup2(connection, 3) != 3 || dup2(session, 4) != 4 || close_range(5, ~0u, 0) != 0) _exit(1);
	struct pollfd client = {.fd = 3, .events = POLLRDHUP}, end = {.fd = 4, .events = POLLIN};
	while (poll(&client, 1, -1) < 0 && errno == EINTR) continue;
	syscall(SYS_pidfd_send_signal, 4, SIGKILL, NULL, 0);
	while (poll(&end, 1, -1) < 0 && errno == EINTR) continue;
	_exit(0);
}

static int start_watching(int connection)
{
	autoclose session = (int)syscall(SYS_pidfd_open, getpid(), 0);
	/* Above the numbers that the watcher gives out. */
	autoclose watched = fcntl(connection, F_DUPFD_CLOEXEC, 5);
	autoclose target = session < 0 ? -1 : fcntl(session, F_DUPFD_CLOEXEC, 5);
	if (watched < 0 || target < 0) return -1;
	pid_t parent = getpid(), pid = fork();
	if (pid != 0) return pid < 0 ? -1 : 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) _exit(0);
	watch(target, watched);
}

int tree_serve(struct run *run, int connection)
{
	struct tree tree;
	struct failure failure = {.stage = STAGE_BEFORE, .operation = OPERATION_serve_tree};
	if (prepare(run, connection, &tree) != 0 || start_watching(connection) != 0) {
		fail(&failure, errno, "", "the session could not be prepared");
		frame_send_failure(connection, &failure);
		return 1;
	}
	if (frame_send(connection, FRAME_DONE, NULL, 0, NULL, 0) != 0) return 1;
	while (serve_request(&tree)) continue;
	return 0;
}
