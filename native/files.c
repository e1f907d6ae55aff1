/* Operations on files and descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "path.h"
#include "plan.h"

enum { READ_MAX = 16 << 20 };

/* Host paths are trusted; below a slot a path never leaves it. */
int op_open(struct run *run, const struct open_step *args, struct failure *failure)
{
	uint64_t resolve = (uint64_t)args->resolve;
	int dir = AT_FDCWD;
	if (args->dir != HOST) {
		dir = slot_fd(run, args->dir, failure);
		if (dir < 0) return -1;
		if (!(resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)))
			resolve |= RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
	}
	int fd = open_resolving(dir, args->path.data, (int)args->flags, (mode_t)args->mode, resolve);
	if (fd < 0) return fail(failure, errno, args->path.data, NULL);
	return slot_store(run, args->slot, fd, failure);
}

int op_close(struct run *run, const struct close_step *args, struct failure *failure)
{
	if (slot_fd(run, args->slot, failure) < 0) return -1;
	close_fd(&run->slots[args->slot]);
	return 0;
}

int op_mkdir(struct run *run, const struct mkdir_step *args, struct failure *failure)
{
	const char *name = args->path.data;
	autoclose parent = -1;
	int result;
	if (args->dir == HOST) {
		result = mkdir(name, (mode_t)args->mode);
	} else {
		autoclose root = root_open(run, args->dir, failure);
		if (root < 0) return -1;
		parent = open_parent(root, args->path.data, &name);
		result = parent < 0 ? -1 : mkdirat(parent, name, (mode_t)args->mode);
	}
	return result == 0 || errno == EEXIST ? 0 : fail(failure, errno, args->path.data, NULL);
}

int op_mkdirs(struct run *run, const struct mkdirs_step *args, struct failure *failure)
{
	autoclose root = root_open(run, args->root, failure);
	if (root < 0) return -1;
	struct ownership ownership = {(mode_t)args->mode, (uid_t)args->uid, (gid_t)args->gid};
	autoclose fd = make_directories(root, args->path.data, ownership);
	return fd < 0 ? fail(failure, errno, args->path.data, NULL) : 0;
}

int op_write(struct run *run, const struct write_step *args, struct failure *failure)
{
	autoclose fd = open_at(
	        run, args->dir, args->path.data, O_WRONLY | O_NOCTTY | (int)args->flags, (mode_t)args->mode);
	/* Files in procfs and cgroupfs take a value as one write or not at all. */
	ssize_t written = fd < 0 ? -1 : write(fd, args->data.data, args->data.size);
	if (written < 0)
		return ints_contain(args->ignore, errno) ? 0 : fail(failure, errno, args->path.data, NULL);
	return (size_t)written == args->data.size
	               ? 0
	               : fail(failure, EIO, args->path.data, "only %zd bytes were taken", written);
}

static ssize_t read_up_to(int fd, uint8_t *buffer, size_t limit)
{
	size_t size = 0;
	while (size < limit) {
		ssize_t count = read(fd, buffer + size, limit - size);
		if (count < 0 && errno == EINTR) continue;
		if (count < 0) return -1;
		if (count == 0) break;
		size += (size_t)count;
	}
	return (ssize_t)size;
}

int op_read(struct run *run, const struct read_step *args, struct failure *failure)
{
	if (args->limit < 0 || args->limit > READ_MAX)
		return fail(failure, EINVAL, args->path.data, "limit of %lld bytes", (long long)args->limit);
	/* A fifo in the place of a file must not hold the launcher up. */
	autoclose fd = open_at(run, args->dir, args->path.data, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);
	if (fd < 0) return fail(failure, errno, args->path.data, NULL);
	uint8_t *buffer = malloc((size_t)args->limit + 1);
	if (!buffer) return fail(failure, ENOMEM, args->path.data, NULL);
	ssize_t size = read_up_to(fd, buffer, (size_t)args->limit);
	if (size < 0) {
		free(buffer);
		return fail(failure, errno, args->path.data, NULL);
	}
	run->result = buffer;
	run->result_size = (size_t)size;
	run->has_result = true;
	return 0;
}

int op_unlink(struct run *run, const struct unlink_step *args, struct failure *failure)
{
	int flags = (int)args->flags & AT_REMOVEDIR;
	const char *name = args->path.data;
	int result;
	if (args->dir == HOST) {
		result = unlinkat(AT_FDCWD, name, flags);
	} else {
		autoclose root = root_open(run, args->dir, failure);
		if (root < 0) return -1;
		autoclose parent = open_parent(root, args->path.data, &name);
		result = parent < 0 ? -1 : unlinkat(parent, name, flags);
	}
	return result == 0 || errno == ENOENT ? 0 : fail(failure, errno, args->path.data, NULL);
}

/* Opens the directory that is to hold `path`, made if missing. */
static int parent_below(
        struct run *run, int64_t root_slot, const char *path, const char **name, struct failure *failure)
{
	autoclose root = root_open(run, root_slot, failure);
	if (root < 0) return -1;
	int parent = make_parent(root, path, name);
	return parent < 0 ? fail(failure, errno, path, NULL) : parent;
}

int op_symlink(struct run *run, const struct symlink_step *args, struct failure *failure)
{
	const char *name;
	autoclose parent = parent_below(run, args->root, args->path.data, &name, failure);
	if (parent < 0) return -1;
	if (symlinkat(args->target.data, parent, name) == 0 || errno == EEXIST) return 0;
	return fail(failure, errno, args->path.data, NULL);
}

int op_mknod(struct run *run, const struct mknod_step *args, struct failure *failure)
{
	const char *name;
	autoclose parent = parent_below(run, args->root, args->path.data, &name, failure);
	if (parent < 0) return -1;
	mode_t mode = (mode_t)args->mode;
	int result = mknodat(parent, name, mode, (dev_t)args->device);
	if (result != 0 && errno == EEXIST && unlinkat(parent, name, 0) == 0)
		result = mknodat(parent, name, mode, (dev_t)args->device);
	/* The launcher's umask is 0, so the mode is exact; a change of owner may clear bits of it again. */
	if (result == 0 && ((uid_t)args->uid != geteuid() || (gid_t)args->gid != getegid())) {
		result = fchownat(parent, name, (uid_t)args->uid, (gid_t)args->gid, AT_SYMLINK_NOFOLLOW);
	}
	return result == 0 ? 0 : fail(failure, errno, args->path.data, NULL);
}

int op_chown(struct run *run, const struct chown_step *args, struct failure *failure)
{
	autoclose root = root_open(run, args->root, failure);
	if (root < 0) return -1;
	autoclose fd = open_inside(root, args->path.data, O_PATH | O_NOFOLLOW, 0, 0);
	if (fd >= 0 && fchownat(fd, "", (uid_t)args->uid, (gid_t)args->gid, AT_EMPTY_PATH) == 0) return 0;
	return fail(failure, errno, args->path.data, NULL);
}

int op_chmod(struct run *run, const struct chmod_step *args, struct failure *failure)
{
	autoclose root = root_open(run, args->root, failure);
	if (root < 0) return -1;
	autoclose fd = open_inside(root, args->path.data, O_PATH | O_NOFOLLOW, 0, 0);
	if (fd >= 0 && chmod_opened(fd, (mode_t)args->mode) == 0) return 0;
	return fail(failure, errno, args->path.data, NULL);
}

int op_touch(struct run *run, const struct touch_step *args, struct failure *failure)
{
	const char *name;
	autoclose parent = parent_below(run, args->root, args->path.data, &name, failure);
	if (parent < 0) return -1;
	autoclose fd = openat(
	        parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (mode_t)args->mode);
	return fd >= 0 || errno == EEXIST ? 0 : fail(failure, errno, args->path.data, NULL);
}
