/* Operations on cgroups, of either version. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>

#include "cleanup.h"
#include "path.h"
#include "plan.h"

enum {
	DEPTH_MAX = 64,
	/* How long killed processes may take to go: 100 rounds of 1 to 100 ms. */
	ROUNDS = 100,
};

int op_write_pid(struct run *run, const struct write_pid_step *args, struct failure *failure)
{
	autoclose fd = open_at(run, args->dir, args->path.data, O_WRONLY, 0);
	if (fd < 0 || dprintf(fd, "%d", run->child) < 0) return fail(failure, errno, args->path.data, NULL);
	return 0;
}

/* --- removing a group ------------------------------------------------------------------------------------------------------ */

static int write_file(int dir, const char *name, const char *value)
{
	autoclose fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, value, strlen(value)) > 0 ? 0 : -1;
}

/* Version 1 has no cgroup.kill: the processes one by one. A frozen one would not die. */
static void kill_one_by_one(int dir)
{
	write_file(dir, "freezer.state", "THAWED");
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	int pid;
	if (!file) return;
	while (fscanf(file, "%d", &pid) == 1) {
		if (pid > 0 && pid != getpid()) kill(pid, SIGKILL);
	}
	fclose(file);
}

static void kill_group(int dir)
{
	if (write_file(dir, "cgroup.kill", "1") != 0) kill_one_by_one(dir);
}

static int remove_tree(int parent, const char *name, int depth);

/* Groups nest; the files in them go with the group. */
static int remove_children(int dir, int depth)
{
	int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	DIR *entries = copy < 0 ? NULL : fdopendir(copy);
	int result = 0;
	if (!entries) return -1;
	rewinddir(entries);
	for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
		if (remove_tree(dir, entry->d_name, depth + 1) != 0) result = -1;
	}
	int reason = errno;
	closedir(entries);
	errno = reason;
	return result;
}

/* One attempt: kills what is inside, then removes from the leaves up. EBUSY while a process is still going. */
static int remove_tree(int parent, const char *name, int depth)
{
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
	if (errno != EBUSY && errno != ENOTEMPTY) return -1;
	autoclose dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0) return errno == ENOENT ? 0 : -1;
	if (depth >= DEPTH_MAX) {
		errno = ELOOP;
		return -1;
	}
	kill_group(dir);
	if (remove_children(dir, depth) != 0) return -1;
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

int op_remove_cgroup(struct run *run, const struct remove_cgroup_step *args, struct failure *failure)
{
	(void)run;
	for (int round = 1;; round++) {
		if (remove_tree(AT_FDCWD, args->path.data, 0) == 0) return 0;
		if ((errno != EBUSY && errno != ENOTEMPTY) || round == ROUNDS)
			return fail(failure, errno, args->path.data, NULL);
		struct timespec pause = {.tv_nsec = round * 1000000L};
		nanosleep(&pause, NULL);
	}
}

/* --- out-of-memory notices ------------------------------------------------------------------------------------------------- */

/* Version 1 signals an eventfd that cgroup.event_control ties to the file. */
static int watch_v1(int dir, int file)
{
	autoclose event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	autoclose control = openat(dir, "cgroup.event_control", O_WRONLY | O_CLOEXEC);
	if (event < 0 || control < 0 || dprintf(control, "%d %d", event, file) < 0) return -1;
	return keep_fd(&event);
}

int op_watch_oom(struct run *run, const struct watch_oom_step *args, struct failure *failure)
{
	if (run->oom_count >= OOM_WATCHES_MAX) return fail(failure, ENOSPC, args->path.data, NULL);
	autoclose dir = open(args->path.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autoclose file = dir < 0 ? -1
	                         : openat(dir, args->version == 1 ? "memory.oom_control" : "memory.events",
	                                   O_RDONLY | O_CLOEXEC);
	if (file < 0) return fail(failure, errno, args->path.data, NULL);
	int event = args->version == 1 ? watch_v1(dir, file) : file;
	if (event < 0) return fail(failure, errno, args->path.data, "cgroup.event_control");
	run->oom[run->oom_count++] =
	        (struct oom_watch){.version = (int)args->version, .event = event, .file = keep_fd(&file)};
	return 0;
}
