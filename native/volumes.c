/* Operations on the content of volumes: blocks that copies share, and limits that filesystems keep. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"
#include "plan.h"

/* <sys/quota.h> has neither. */
#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif
enum { PROJECT_QUOTA = 2 };

/* Opens a regular file below the directory in a slot; nothing else is ever opened, for a device may take that for an order. */
static int open_regular(struct run *run, int64_t slot, const char *path, int flags)
{
	struct stat status;
	char link[32];
	struct failure ignored;
	int dir = slot_fd(run, slot, &ignored);
	if (dir < 0) {
		errno = EBADF;
		return -1;
	}
	autoclose node = open_inside(dir, path, O_PATH | O_NOFOLLOW, 0, 0);
	if (node < 0 || fstat(node, &status) != 0) return -1;
	if (!S_ISREG(status.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	/* In the before stage /proc is the host's. */
	snprintf(link, sizeof link, "/proc/self/fd/%d", node);
	return open(link, flags | O_CLOEXEC);
}

/* Changing a file's data takes its capability and its time away. */
static int restore_attributes(int from, int to)
{
	static const char name[] = "security.capability";
	char value[64];
	struct stat status;
	ssize_t size = fgetxattr(from, name, value, sizeof value);
	if (size > 0 && fsetxattr(to, name, value, (size_t)size, 0) != 0) return -1;
	if (fstat(from, &status) != 0) return -1;
	struct timespec times[2] = {status.st_mtim, status.st_mtim};
	return futimens(to, times);
}

int op_clone_file(struct run *run, const struct clone_file_step *args, struct failure *failure)
{
	char path[PATH_MAX];
	if (args->path.size == 0 || args->path.size >= sizeof path || memchr(args->path.data, 0, args->path.size))
		return fail(failure, EINVAL, "", "path of %zu bytes", args->path.size);
	memcpy(path, args->path.data, args->path.size);
	path[args->path.size] = 0;
	autoclose from = open_regular(run, args->source, path, O_RDONLY);
	if (from < 0) return fail(failure, errno, path, "source");
	autoclose to = open_regular(run, args->target, path, O_WRONLY);
	if (to < 0) return fail(failure, errno, path, NULL);
	if (ioctl(to, FICLONE, from) != 0 || restore_attributes(from, to) != 0)
		return fail(failure, errno, path, NULL);
	return 0;
}

/* What is made in the directory from now on belongs to the project. */
static int join_project(int directory, uint32_t project)
{
	struct fsxattr attributes;
	if (ioctl(directory, FS_IOC_FSGETXATTR, &attributes) != 0) return -1;
	attributes.fsx_projid = project;
	attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	return ioctl(directory, FS_IOC_FSSETXATTR, &attributes);
}

int op_limit_project(struct run *run, const struct limit_project_step *args, struct failure *failure)
{
	(void)run;
	const char *path = args->path.data;
	uint32_t project = (uint32_t)args->project;
	autoclose directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0) return fail(failure, errno, path, NULL);
	if (join_project(directory, project) != 0) return fail(failure, errno, path, "project");
	uint64_t blocks = ((uint64_t)args->bytes + QIF_DQBLKSIZE - 1) / QIF_DQBLKSIZE;
	struct if_dqblk limits = {
	        .dqb_bhardlimit = blocks, .dqb_bsoftlimit = blocks, .dqb_valid = QIF_BLIMITS};
	uint32_t command = ((uint32_t)Q_SETQUOTA << SUBCMDSHIFT) | PROJECT_QUOTA;
	if (syscall(SYS_quotactl_fd, directory, command, project, &limits) == 0) return 0;
	return fail(failure, errno, path, "quota");
}
