/* Operations on namespaces and on the new process from outside. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "path.h"

/* The process is made by run_begin, once the whole before stage is done. */
int op_clone(struct run *run, const struct clone_step *args, struct failure *failure)
{
	(void)failure;
	run->clone_index = args->step.index;
	run->clone_flags = (uint64_t)args->flags;
	run->clone_cgroup = args->cgroup;
	return 0;
}

int op_unshare(struct run *run, const struct unshare_step *args, struct failure *failure)
{
	(void)run;
	return unshare((int)args->flags) == 0 ? 0 : fail(failure, errno, "", NULL);
}

int op_setns(struct run *run, const struct setns_step *args, struct failure *failure)
{
	int fd = slot_fd(run, args->slot, failure);
	if (fd < 0) return -1;
	if (setns(fd, (int)args->type) == 0 && child_hide() == 0) return 0;
	return fail(failure, errno, "", "joining namespaces 0x%llx", (unsigned long long)args->type);
}

int op_open_process(struct run *run, const struct open_process_step *args, struct failure *failure)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)args->pid, 0);
	return fd < 0 ? fail(failure, errno, "", "process %lld", (long long)args->pid)
	              : slot_store(run, args->slot, fd, failure);
}

/* Whether a step after this one writes or reads through the host's procfs. */
static bool needs_procfs(const struct plan *plan, const struct step *after)
{
	for (uint32_t i = after->index + 1; i < plan->counts[STAGE_CHILD]; i++) {
		switch (plan->steps[STAGE_CHILD][i]->operation) {
		case OPERATION_write:
		case OPERATION_read:
		case OPERATION_chmod:
		case OPERATION_sysctl:
		case OPERATION_security_label:
			return true;
		default:
			break;
		}
	}
	return false;
}

/*
 * From now on the container's processes see this one, and those that may trace others can follow its descriptors: what leads to the host's cgroups,
 * namespaces and processes is closed before.
 */
static void close_ways_out(struct run *run, const struct step *step)
{
	for (int i = 0; i < SLOTS; i++) close_fd(&run->slots[i]);
	if (!needs_procfs(&run->plan, step)) procfs_close();
}

/* A joined PID namespace holds only for children. The one that goes on is made a child of this process's parent. */
int op_fork(struct run *run, const struct fork_step *args, struct failure *failure)
{
	int status = run->settings->status;
	close_ways_out(run, &args->step);
	pid_t pid = clone_process(CLONE_PARENT, -1, NULL);
	if (pid < 0) return fail(failure, errno, "", NULL);
	if (pid > 0) _exit(child_send(status, WORD_FORKED, pid, -1) == 0 ? 0 : 1);
	if (child_await(run->settings, WORD_KNOWN) != 0) _exit(1);
	/* Only the leader of a session can take a terminal. */
	setsid();
	return 0;
}

/* A name that may follow /proc/<pid>/. */
static int check_name(struct text name, struct failure *failure)
{
	bool plain = name.size > 0 && name.size < 64 && !strchr(name.data, '/') && name.data[0] != '.';
	return plain ? 0 : fail(failure, EINVAL, name.data, NULL);
}

int op_open_child_namespace(
        struct run *run, const struct open_child_namespace_step *args, struct failure *failure)
{
	char path[96];
	if (check_name(args->type, failure) != 0) return -1;
	snprintf(path, sizeof path, "%d/ns", run->child);
	autoclose directory = procfs_file(path, O_PATH | O_DIRECTORY);
	int fd = directory < 0 ? -1 : openat(directory, args->type.data, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return fail(failure, errno, args->type.data, NULL);
	return slot_store(run, args->slot, fd, failure);
}

int op_write_child(struct run *run, const struct write_child_step *args, struct failure *failure)
{
	char path[96];
	if (check_name(args->file, failure) != 0) return -1;
	snprintf(path, sizeof path, "%d/%s", run->child, args->file.data);
	autoclose fd = procfs_file(path, O_WRONLY);
	if (fd < 0 || write(fd, args->data.data, args->data.size) != (ssize_t)args->data.size) {
		return fail(failure, errno, args->file.data, NULL);
	}
	return 0;
}

int op_release(struct run *run, const struct release_step *args, struct failure *failure)
{
	(void)args;
	if (child_send(run->status_fd, WORD_BEGIN, 0, -1) == 0 || errno == EPIPE) return 0;
	return fail(failure, errno, "", NULL);
}

int op_await_parent(struct run *run, const struct await_parent_step *args, struct failure *failure)
{
	(void)args;
	return child_await(run->settings, WORD_FINISHED) == 0 ? 0 : fail(failure, ECANCELED, "", NULL);
}
