/* Removing names, and directories with all below them. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cleanup.h"
#include "tree-descent.h"
#include "tree-writing.h"

int remove_name(int parent, const char *name)
{
	struct statx status;
	if (statx(parent, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &status) != 0) return -1;
	/* The kernel keeps only what is mounted in the namespace of whoever unlinks, and unmounts it in all others. */
	if (!S_ISDIR(status.stx_mode) && (status.stx_attributes & STATX_ATTR_MOUNT_ROOT)) {
		errno = EBUSY;
		return -1;
	}
	return unlinkat(parent, name, 0);
}

/* What is mounted in the tree is not the tree's to remove. */
static int enter(struct descent *descent, int parent, const char *name, uint64_t mount)
{
	struct statx status;
	autoclose fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || status_of(fd, &status) != 0) return -1;
	if (status.stx_mnt_id != mount) {
		errno = EBUSY;
		return -1;
	}
	return descent_enter(descent, keep_fd(&fd), &status, name);
}

static int remove_next(struct descent *descent, uint64_t mount)
{
	struct level *level = descent_top(descent);
	const char *name = descent_next(descent);
	if (name) {
		if (remove_name(level->fd, name) == 0 || errno == ENOENT) return 0;
		return errno == EISDIR ? enter(descent, level->fd, name, mount) : -1;
	}
	if (descent_leave(descent) != 0) return -1;
	if (descent->depth == 0) return 0;
	level = descent_top(descent);
	/* The name that led down was the last one taken. */
	const char *emptied = level->names + level->order[level->next - 1];
	return unlinkat(level->fd, emptied, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -1;
}

int remove_directory(int parent, const char *name)
{
	struct statx status;
	struct descent *descent = calloc(1, sizeof *descent);
	if (!descent) return -1;
	int result = status_of(parent, &status);
	if (result == 0) result = enter(descent, parent, name, status.stx_mnt_id);
	while (result == 0 && descent->depth > 0) result = remove_next(descent, status.stx_mnt_id);
	int reason = errno;
	descent_release(descent);
	free(descent);
	errno = reason;
	return result == 0 ? unlinkat(parent, name, AT_REMOVEDIR) : -1;
}
