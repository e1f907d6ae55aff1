/* Opening paths safely; see path.h. */
#include "path.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "cleanup.h"

enum { LINKS_MAX = 40, ATTEMPTS_MAX = 1000 };

static int procfs_fd = -1;

bool on_filesystem(int fd, long type)
{
	struct statfs status;
	return fstatfs(fd, &status) == 0 && status.f_type == type;
}

int open_resolving(int dir, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	bool creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
	struct open_how how = {
	        .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
	        .mode = creates ? mode : 0,
	        .resolve = resolve,
	};
	/*
	 * A rename elsewhere makes the kernel give up a scoped lookup with EAGAIN; it asks for another try. A container could rename
	 * for ever.
	 */
	int fd, attempts = 0;
	do fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
	while (fd < 0 && (errno == EINTR || (errno == EAGAIN && resolve != 0)) && ++attempts < ATTEMPTS_MAX);
	return fd;
}

int procfs_open(struct failure *failure)
{
	procfs_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (procfs_fd < 0) return fail(failure, errno, "/proc", NULL);
	if (!on_filesystem(procfs_fd, PROC_SUPER_MAGIC)) return fail(failure, 0, "/proc", "it is no procfs");
	return 0;
}

int procfs_file(const char *path, int flags)
{
	while (*path == '/') path++;
	autoclose fd = open_resolving(
	        procfs_fd, path, flags, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
	if (fd >= 0 && !on_filesystem(fd, PROC_SUPER_MAGIC)) {
		errno = EPERM;
		return -1;
	}
	return keep_fd(&fd);
}

int procfs_descriptor(void)
{
	return procfs_fd;
}

void procfs_close(void)
{
	close_fd(&procfs_fd);
}

int slot_fd(const struct run *run, int64_t slot, struct failure *failure)
{
	if (slot < 0 || slot >= SLOTS || run->slots[slot] < 0) {
		return fail(failure, EBADF, "", "slot %lld holds no descriptor", (long long)slot);
	}
	return run->slots[slot];
}

int slot_store(struct run *run, int64_t slot, int fd, struct failure *failure)
{
	if (slot < 0 || slot >= SLOTS) {
		close(fd);
		return fail(failure, EBADF, "", "there is no slot %lld", (long long)slot);
	}
	close_fd(&run->slots[slot]);
	run->slots[slot] = fd;
	return 0;
}

int root_open(const struct run *run, int64_t root, struct failure *failure)
{
	if (root == HOST) {
		int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? fail(failure, errno, "/", NULL) : fd;
	}
	int slot = slot_fd(run, root, failure);
	if (slot < 0) return -1;
	int fd = fcntl(slot, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? fail(failure, errno, "", NULL) : fd;
}

int open_inside(int root, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	return open_resolving(
	        root, *path ? path : ".", flags, mode, resolve | RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

int open_at(const struct run *run, int64_t dir, const char *path, int flags, mode_t mode)
{
	if (dir == HOST && strncmp(path, "/proc/", 6) == 0) return procfs_file(path + 6, flags);
	if (dir == HOST) return open_resolving(AT_FDCWD, path, flags, mode, 0);
	struct failure ignored;
	int slot = slot_fd(run, dir, &ignored);
	if (slot < 0) {
		errno = EBADF;
		return -1;
	}
	return open_inside(slot, path, flags, mode, 0);
}

/* --- making directories ------------------------------------------------------------------------------------------------- */

/*
 * A walk from the root: `resolved` is the part that is known to be made of real directories ("" for the root itself),
 * `pending` what is still to be looked at. Both are rewritten when a symbolic link is met.
 */
struct walk {
	int root;
	int links;
	char resolved[PATH_MAX];
	char pending[2 * PATH_MAX];
};

static int open_resolved(const struct walk *walk, int flags)
{
	return open_inside(walk->root, walk->resolved, flags, 0, RESOLVE_NO_SYMLINKS);
}

static int make_component(const struct walk *walk, const char *name, struct ownership ownership)
{
	autoclose parent = open_resolved(walk, O_PATH | O_DIRECTORY);
	if (parent < 0) return -1;
	if (mkdirat(parent, name, ownership.mode) != 0) return errno == EEXIST ? 0 : -1;
	if (ownership.uid == geteuid() && ownership.gid == getegid()) return 0;
	return fchownat(parent, name, ownership.uid, ownership.gid, AT_SYMLINK_NOFOLLOW);
}

/* Puts a link's target before what is pending. */
static int follow_link(struct walk *walk, int link)
{
	char target[PATH_MAX];
	char rest[2 * PATH_MAX];
	ssize_t size = readlinkat(link, "", target, sizeof target);
	if (size < 0) return -1;
	if (++walk->links > LINKS_MAX) {
		errno = ELOOP;
		return -1;
	}
	memcpy(rest, walk->pending, sizeof rest);
	if (size > 0 && target[0] == '/') walk->resolved[0] = 0;
	int written = snprintf(walk->pending, sizeof walk->pending, "%.*s/%s", (int)size, target, rest);
	if (written < (int)sizeof walk->pending) return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static int append_component(struct walk *walk, const char *name)
{
	size_t used = strlen(walk->resolved);
	if (used + strlen(name) + 2 > sizeof walk->resolved) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(walk->resolved + used, sizeof walk->resolved - used, "/%s", name);
	return 0;
}

static void drop_component(struct walk *walk)
{
	char *slash = strrchr(walk->resolved, '/');
	if (slash) *slash = 0;
}

/* Takes one step: looks at `name` in the resolved directory, makes it if it is missing, follows it if it is a link. */
static int walk_component(struct walk *walk, const char *name, struct ownership ownership)
{
	if (strcmp(name, ".") == 0) return 0;
	if (strcmp(name, "..") == 0) {
		drop_component(walk);
		return 0;
	}
	/* Something else may come and go meanwhile, so the second look may find a link as well. */
	for (int attempt = 0; attempt < 2; attempt++) {
		autoclose parent = open_resolved(walk, O_PATH | O_DIRECTORY);
		if (parent < 0) return -1;
		autoclose entry = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		struct stat status;
		if (entry < 0 && errno != ENOENT) return -1;
		if (entry < 0) {
			if (make_component(walk, name, ownership) != 0) return -1;
			continue;
		}
		if (fstat(entry, &status) != 0) return -1;
		return S_ISLNK(status.st_mode) ? follow_link(walk, entry) : append_component(walk, name);
	}
	errno = EAGAIN;
	return -1;
}

/* Cuts the first component off `pending`; false at the end. */
static bool next_component(struct walk *walk, char name[NAME_MAX + 1], bool *too_long)
{
	char *start = walk->pending + strspn(walk->pending, "/");
	size_t size = strcspn(start, "/");
	*too_long = size > NAME_MAX;
	if (size == 0 || *too_long) return false;
	memcpy(name, start, size);
	name[size] = 0;
	memmove(walk->pending, start + size, strlen(start + size) + 1);
	return true;
}

int make_directories(int root, const char *path, struct ownership ownership)
{
	int fd = open_inside(root, path, O_PATH | O_DIRECTORY, 0, 0);
	if (fd >= 0 || errno != ENOENT) return fd;

	struct walk walk = {.root = root};
	char name[NAME_MAX + 1];
	bool too_long = false;
	if (strlen(path) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	snprintf(walk.pending, sizeof walk.pending, "%s", path);
	while (next_component(&walk, name, &too_long)) {
		if (walk_component(&walk, name, ownership) != 0) return -1;
	}
	if (too_long) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open_resolved(&walk, O_PATH | O_DIRECTORY);
}

/* Splits `path` into the directory (copied to `parent`) and the name of the last component. */
static int split_path(const char *path, char parent[PATH_MAX], const char **name)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;
	*name = slash ? slash + 1 : path;
	bool names_directory = **name == 0 || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0;
	if (names_directory || size >= PATH_MAX) {
		errno = names_directory ? EISDIR : ENAMETOOLONG;
		return -1;
	}
	memcpy(parent, path, size);
	parent[size] = 0;
	return 0;
}

int open_parent(int root, const char *path, const char **name)
{
	char parent[PATH_MAX];
	if (split_path(path, parent, name) != 0) return -1;
	return open_inside(root, parent, O_PATH | O_DIRECTORY, 0, 0);
}

int make_parent(int root, const char *path, const char **name)
{
	char parent[PATH_MAX];
	if (split_path(path, parent, name) != 0) return -1;
	return make_directories(root, parent, (struct ownership){0755, geteuid(), getegid()});
}

int chmod_opened(int fd, mode_t mode)
{
	char link[32];
	snprintf(link, sizeof link, "self/fd/%d", fd);
	return fchmodat(procfs_fd, link, mode, 0);
}
