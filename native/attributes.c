/* Operations on what files carry beside their bytes. Names from archives are any bytes, so these paths are not texts. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"
#include "plan.h"

/* Opens (O_PATH) the file itself, also a symbolic link. */
static int open_node(struct run *run, int64_t root_slot, struct bytes path, struct failure *failure)
{
	char name[PATH_MAX];
	if (path.size == 0 || path.size >= sizeof name || memchr(path.data, 0, path.size))
		return fail(failure, EINVAL, "", "path of %zu bytes", path.size);
	memcpy(name, path.data, path.size);
	name[path.size] = 0;
	autoclose root = root_open(run, root_slot, failure);
	if (root < 0) return -1;
	int fd = open_inside(root, name, O_PATH | O_NOFOLLOW, 0, 0);
	return fd < 0 ? fail(failure, errno, name, NULL) : fd;
}

int op_set_xattr(struct run *run, const struct set_xattr_step *args, struct failure *failure)
{
	autoclose fd = open_node(run, args->root, args->path, failure);
	if (fd < 0) return -1;
	/* The calls that take a descriptor refuse one that was opened without reading. In the before stage /proc is the host's. */
	char link[32];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	if (setxattr(link, args->name.data, args->value.data, args->value.size, 0) == 0) return 0;
	return fail(failure, errno, args->name.data, NULL);
}

int op_set_times(struct run *run, const struct set_times_step *args, struct failure *failure)
{
	autoclose fd = open_node(run, args->root, args->path, failure);
	if (fd < 0) return -1;
	struct timespec time = {.tv_sec = (time_t)args->seconds, .tv_nsec = (long)args->nanoseconds};
	struct timespec times[2] = {time, time};
	return utimensat(fd, "", times, AT_EMPTY_PATH) == 0 ? 0 : fail(failure, errno, "", NULL);
}

int op_sync_filesystem(struct run *run, const struct sync_filesystem_step *args, struct failure *failure)
{
	(void)run;
	autoclose fd = open(args->path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && syncfs(fd) == 0 ? 0 : fail(failure, errno, args->path.data, NULL);
}
