/* Operations on mounts: everything goes through descriptors, never through a path that could change meanwhile. */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "cleanup.h"
#include "path.h"
#include "plan.h"

int attach_mount(int tree, int target)
{
	return move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int clone_mount(int fd, bool recursive)
{
	unsigned flags = AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	return open_tree(fd, "", recursive ? flags | AT_RECURSIVE : flags);
}

int set_attributes(int fd, uint64_t set, uint64_t clear, bool recursive, uint64_t propagation)
{
	struct mount_attr attributes = {.attr_set = set, .attr_clr = clear};
	struct mount_attr spread = {.propagation = propagation & ~(uint64_t)MS_REC};
	bool everywhere = (propagation & MS_REC) != 0;
	/* One call does both when they reach equally far. */
	if (everywhere == recursive) {
		attributes.propagation = spread.propagation;
		spread.propagation = 0;
	}
	unsigned flags = AT_EMPTY_PATH;
	if ((set | clear | attributes.propagation) != 0 &&
	        mount_setattr(fd, "", recursive ? flags | AT_RECURSIVE : flags, &attributes,
	                sizeof attributes) != 0) {
		return -1;
	}
	if (spread.propagation == 0) return 0;
	return mount_setattr(fd, "", everywhere ? flags | AT_RECURSIVE : flags, &spread, sizeof spread);
}

/* --- new filesystems ------------------------------------------------------------------------------------------------------ */

/* The kernel explains itself in lines like "e tmpfs: Bad value for 'size'". */
static int fail_context(int context, int errnum, const char *subject, struct failure *failure)
{
	char text[512];
	ssize_t size = read(context, text, sizeof text - 1);
	if (size <= 0) return fail(failure, errnum, subject, NULL);
	while (size > 0 && text[size - 1] == '\n') size--;
	text[size] = 0;
	return fail(failure, errnum, subject, "%s", strncmp(text, "e ", 2) == 0 ? text + 2 : text);
}

static int configure(int context, const char *option)
{
	char key[256];
	const char *equals = strchr(option, '=');
	if (!equals) return fsconfig(context, FSCONFIG_SET_FLAG, option, NULL, 0);
	if ((size_t)(equals - option) >= sizeof key) {
		errno = EINVAL;
		return -1;
	}
	snprintf(key, sizeof key, "%.*s", (int)(equals - option), option);
	return fsconfig(context, FSCONFIG_SET_STRING, key, equals + 1, 0);
}

int make_filesystem(const struct filesystem *filesystem, const char *subject, struct failure *failure)
{
	autoclose context = fsopen(filesystem->type, FSOPEN_CLOEXEC);
	if (context < 0) return fail(failure, errno, subject, "filesystem %s", filesystem->type);
	if (*filesystem->source &&
	        fsconfig(context, FSCONFIG_SET_STRING, "source", filesystem->source, 0) != 0) {
		return fail_context(context, errno, subject, failure);
	}
	for (const char *const *option = filesystem->options; *option; option++) {
		if (configure(context, *option) != 0) return fail_context(context, errno, subject, failure);
	}
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return fail_context(context, errno, subject, failure);
	int tree = fsmount(context, FSMOUNT_CLOEXEC, (unsigned)filesystem->attributes);
	return tree < 0 ? fail_context(context, errno, subject, failure) : tree;
}

/* --- targets -------------------------------------------------------------------------------------------------------------- */

/* Files of procfs that only inform, which programs such as lxcfs replace. */
static bool replaceable_in_procfs(const char *path)
{
	static const char *const files[] = {"cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime",
	        "loadavg", "slabinfo", "sys/kernel/ns_last_pid", "sys/crypto/fips_enabled"};
	while (*path == '/') path++;
	if (strncmp(path, "proc/", 5) != 0) return false;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		if (strcmp(path + 5, files[i]) == 0) return true;
	}
	return false;
}

/*
 * A mount over a part of procfs could hide from the launcher and from security modules what the kernel says there. procfs itself
 * may be mounted again on its root; procfs and sysfs must not be led elsewhere by a link.
 */
static int check_target(int fd, const struct target *target, struct failure *failure)
{
	enum { PROCFS_ROOT = 1 };
	struct stat status;
	if (!on_filesystem(fd, PROC_SUPER_MAGIC) || replaceable_in_procfs(target->path)) return 0;
	if (strcmp(target->fstype, "proc") == 0 && fstat(fd, &status) == 0 && status.st_ino == PROCFS_ROOT)
		return 0;
	return fail(failure, EPERM, target->path, "it lies inside procfs");
}

static int make_target(int root, const struct target *target)
{
	if (target->create == S_IFDIR)
		return make_directories(root, target->path, (struct ownership){0755, geteuid(), getegid()});
	const char *name;
	autoclose parent = make_parent(root, target->path, &name);
	if (parent < 0) return -1;
	autoclose file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755);
	if (file < 0 && errno != EEXIST) return -1;
	return openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

int open_target(int root, const struct target *target, struct failure *failure)
{
	bool strict = strcmp(target->fstype, "proc") == 0 || strcmp(target->fstype, "sysfs") == 0 ||
	              replaceable_in_procfs(target->path);
	autoclose fd = open_inside(root, target->path, O_PATH, 0, strict ? RESOLVE_NO_SYMLINKS : 0);
	if (fd < 0 && errno == ENOENT && target->create != 0) fd = make_target(root, target);
	if (fd < 0)
		return fail(failure, errno, target->path,
		        strict && errno == ELOOP ? "a symbolic link is in the way" : NULL);
	if (check_target(fd, target, failure) != 0) return -1;
	return keep_fd(&fd);
}

/* --- operations ------------------------------------------------------------------------------------------------------------ */

int op_mount(struct run *run, const struct mount_step *args, struct failure *failure)
{
	autoclose root = root_open(run, args->root, failure);
	if (root < 0) return -1;
	struct target where = {args->path.data, args->create ? S_IFDIR : 0, args->fstype.data};
	autoclose target = open_target(root, &where, failure);
	if (target < 0) return -1;
	struct filesystem filesystem = {
	        args->fstype.data, args->source.data, args->options.items, (uint64_t)args->attributes};
	autoclose tree = make_filesystem(&filesystem, args->path.data, failure);
	if (tree < 0) return -1;
	if (attach_mount(tree, target) != 0 ||
	        set_attributes(tree, 0, 0, false, (uint64_t)args->propagation) != 0) {
		return fail(failure, errno, args->path.data, NULL);
	}
	return 0;
}

static int open_source(struct run *run, const struct bind_step *args, struct failure *failure)
{
	autoclose source = args->source_dir == HOST
	                           ? open(args->source_path.data, O_PATH | O_CLOEXEC)
	                           : open_at(run, args->source_dir, args->source_path.data, O_PATH, 0);
	if (source < 0) return fail(failure, errno, args->source_path.data, "source");
	return keep_fd(&source);
}

int op_bind(struct run *run, const struct bind_step *args, struct failure *failure)
{
	struct stat status, there;
	autoclose source = open_source(run, args, failure);
	if (source < 0) return -1;
	if (fstat(source, &status) != 0) return fail(failure, errno, args->source_path.data, "source");
	autoclose tree = clone_mount(source, args->recursive != 0);
	if (tree < 0) return fail(failure, errno, args->source_path.data, "source");
	if (set_attributes(tree, (uint64_t)args->set, (uint64_t)args->clear, args->recursive_attributes != 0,
	            0) != 0) {
		return fail(failure, errno, args->source_path.data, "mount attributes");
	}
	autoclose root = root_open(run, args->root, failure);
	if (root < 0) return -1;
	struct target where = {args->path.data,
	        !args->create             ? 0
	        : S_ISDIR(status.st_mode) ? S_IFDIR
	                                  : S_IFREG,
	        ""};
	autoclose target = open_target(root, &where, failure);
	if (target < 0) return -1;
	if (fstat(target, &there) != 0 || S_ISDIR(status.st_mode) != S_ISDIR(there.st_mode)) {
		return fail(failure, ENOTDIR, args->path.data, NULL);
	}
	/* Propagation comes last: attaching to a shared mount would make the copy shared again. */
	if (attach_mount(tree, target) != 0 ||
	        set_attributes(tree, 0, 0, false, (uint64_t)args->propagation) != 0) {
		return fail(failure, errno, args->path.data, NULL);
	}
	return 0;
}

int op_set_attributes(struct run *run, const struct set_attributes_step *args, struct failure *failure)
{
	autoclose root = root_open(run, args->root, failure);
	if (root < 0) return -1;
	autoclose fd = args->root == HOST ? open(args->path.data, O_PATH | O_CLOEXEC)
	                                  : open_inside(root, args->path.data, O_PATH, 0, 0);
	if (fd >= 0 && set_attributes(fd, (uint64_t)args->set, (uint64_t)args->clear, args->recursive != 0,
	                       (uint64_t)args->propagation) == 0) {
		return 0;
	}
	return fail(failure, errno, args->path.data, NULL);
}

int op_clone_mount(struct run *run, const struct clone_mount_step *args, struct failure *failure)
{
	int source = slot_fd(run, args->source, failure);
	if (source < 0) return -1;
	int fd = clone_mount(source, args->recursive != 0);
	return fd < 0 ? fail(failure, errno, "", NULL) : slot_store(run, args->slot, fd, failure);
}

/* What is not mounted, or not there, is as wanted. */
int op_unmount(struct run *run, const struct unmount_step *args, struct failure *failure)
{
	(void)run;
	if (umount2(args->path.data, (int)args->flags | UMOUNT_NOFOLLOW) == 0) return 0;
	return errno == EINVAL || errno == ENOENT ? 0 : fail(failure, errno, args->path.data, NULL);
}
