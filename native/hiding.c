/* Operations that take parts of procfs and sysfs out of reach. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "mounts.h"
#include "path.h"
#include "plan.h"

/* The container's /dev/null, if it is the null device and nothing that an image or a mount put there (CVE-2025-31133). */
static int open_null(struct run *run, int root, struct failure *failure)
{
	if (run->mask_null >= 0) return 0;
	autoclose fd = open_inside(root, "/dev/null", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) != 0) return fail(failure, errno, "/dev/null", NULL);
	if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
		return fail(failure, 0, "/dev/null", "it is not the null device");
	run->mask_null = keep_fd(&fd);
	return 0;
}

/* All masked directories show the same empty filesystem: the first mask makes it, the others copy the mount. */
static int directory_mask(struct run *run, const char *path, struct failure *failure)
{
	if (run->mask_directory >= 0) {
		int tree = clone_mount(run->mask_directory, false);
		return tree < 0 ? fail(failure, errno, path, NULL) : tree;
	}
	static const char *const options[] = {"nr_blocks=1", "nr_inodes=1", NULL};
	struct filesystem empty = {"tmpfs", "tmpfs", options,
	        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
	return make_filesystem(&empty, path, failure);
}

static int file_mask(struct run *run, int root, const char *path, struct failure *failure)
{
	if (open_null(run, root, failure) != 0) return -1;
	int tree = clone_mount(run->mask_null, false);
	return tree < 0 ? fail(failure, errno, path, NULL) : tree;
}

int op_mask(struct run *run, const struct mask_step *args, struct failure *failure)
{
	const char *path = args->path.data;
	autoclose root = root_open(run, args->root, failure);
	if (root < 0) return -1;
	autoclose target = open_inside(root, path, O_PATH, 0, 0);
	if (target < 0 && errno == ENOENT) return 0;
	struct stat status;
	if (target < 0 || fstat(target, &status) != 0) return fail(failure, errno, path, NULL);
	bool directory = S_ISDIR(status.st_mode);
	autoclose tree = directory ? directory_mask(run, path, failure) : file_mask(run, root, path, failure);
	if (tree < 0) return -1;
	if (attach_mount(tree, target) != 0) return fail(failure, errno, path, NULL);
	if (directory && run->mask_directory < 0) run->mask_directory = keep_fd(&tree);
	return 0;
}

int op_protect(struct run *run, const struct protect_step *args, struct failure *failure)
{
	const char *path = args->path.data;
	autoclose root = root_open(run, args->root, failure);
	if (root < 0) return -1;
	autoclose target = open_inside(root, path, O_PATH, 0, 0);
	if (target < 0 && errno == ENOENT) return 0;
	if (target < 0) return fail(failure, errno, path, NULL);
	autoclose tree = clone_mount(target, true);
	if (tree < 0 || set_attributes(tree, MOUNT_ATTR_RDONLY, 0, true, 0) != 0 ||
	        attach_mount(tree, target) != 0) {
		return fail(failure, errno, path, NULL);
	}
	return 0;
}
