/* Where a path leads below a tree's root. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"

/* Another try is worth it when a link turned up where there was none a moment before. */
enum { LINKS_MAX = 40, ATTEMPTS_MAX = 16 };

const char *opened_name(char name[OPENED_NAME], int fd)
{
	snprintf(name, OPENED_NAME, "%d", fd);
	return name;
}

int reopen(int fd, int flags)
{
	char name[OPENED_NAME];
	opened_name(name, fd);
	flags |= O_CLOEXEC | O_NOCTTY;
	int opened = open(name, flags | O_NONBLOCK | O_NOATIME);
	if (opened < 0 && errno == EPERM) opened = open(name, flags | O_NONBLOCK);
	/* Somebody holds a lease on the file, and gives it back when asked to. */
	return opened < 0 && errno == EAGAIN ? open(name, flags) : opened;
}

int status_of(int fd, struct statx *status)
{
	return statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, status);
}

bool same_object(const struct statx *one, const struct statx *other)
{
	return one->stx_ino == other->stx_ino && one->stx_dev_major == other->stx_dev_major &&
	       one->stx_dev_minor == other->stx_dev_minor && one->stx_mnt_id == other->stx_mnt_id;
}

bool is_kernels(int fd)
{
	static const unsigned long types[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC,
	        CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC, BPF_FS_MAGIC,
	        EFIVARFS_MAGIC, SELINUX_MAGIC, NSFS_MAGIC};
	struct statfs status;
	if (fstatfs(fd, &status) != 0) return true;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if ((unsigned long)status.f_type == types[i]) return true;
	}
	return false;
}

/* --- component by component --------------------------------------------------------------------------------------------- */

/* `path` of `found` is what is resolved; `pending` what is still to be looked at. */
struct walk {
	int root;
	bool follow;
	bool make; /* directories that are missing */
	int links;
	struct found *found;
	char pending[2 * PATH_MAX];
};

static int refuse(int errnum)
{
	errno = errnum;
	return -1;
}

static int look(struct walk *walk)
{
	struct found *found = walk->found;
	close_fd(&found->fd);
	found->fd = open_inside(walk->root, found->path, O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS);
	return found->fd < 0 ? -1 : status_of(found->fd, &found->status);
}

/* Cuts the first component off `pending`. Returns 1, 0 at the end, -1 where it is too long. */
static int next_component(struct walk *walk, char name[NAME_MAX + 1])
{
	char *start = walk->pending + strspn(walk->pending, "/");
	size_t size = strcspn(start, "/");
	if (size > NAME_MAX) return refuse(ENAMETOOLONG);
	memcpy(name, start, size);
	name[size] = 0;
	memmove(walk->pending, start + size, strlen(start + size) + 1);
	return size > 0;
}

static void drop_component(char *path)
{
	char *slash = strrchr(path, '/');
	if (slash) *slash = 0;
}

static int append_component(char *path, const char *name)
{
	size_t used = strlen(path), size = strlen(name);
	if (used + size + 2 > PATH_MAX) return refuse(ENAMETOOLONG);
	path[used] = '/';
	memcpy(path + used + 1, name, size + 1);
	return 0;
}

static int read_target(struct found *found)
{
	ssize_t size = readlinkat(found->fd, "", found->target, sizeof found->target);
	if (size < 0) return -1;
	if (size == sizeof found->target) return refuse(ENAMETOOLONG);
	found->target[size] = 0;
	return 0;
}

/* Puts a link's target before what is pending. */
static int follow_link(struct walk *walk)
{
	struct found *found = walk->found;
	size_t target = strlen(found->target), rest = strlen(walk->pending);
	if (++walk->links > LINKS_MAX) return refuse(ELOOP);
	if (target + rest + 2 > sizeof walk->pending) return refuse(ENAMETOOLONG);
	memmove(walk->pending + target + 1, walk->pending, rest + 1);
	memcpy(walk->pending, found->target, target);
	walk->pending[target] = '/';
	drop_component(found->path);
	if (found->target[0] == '/') found->path[0] = 0;
	found->target[0] = 0;
	return look(walk);
}

/* Makes the directory at the resolved path, unless it would be the kernel's to make. */
static int make_missing(struct walk *walk)
{
	struct found *found = walk->found;
	const char *name = strrchr(found->path, '/') + 1;
	char above[PATH_MAX];
	memcpy(above, found->path, (size_t)(name - found->path));
	above[name - found->path] = 0;
	autoclose parent = open_inside(walk->root, above, O_PATH | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS);
	if (parent < 0) return -1;
	if (is_kernels(parent)) return refuse(EPERM);
	if (mkdirat(parent, name, 0755) != 0) return errno == EEXIST ? 0 : -1;
	return fchownat(parent, name, 0, 0, AT_SYMLINK_NOFOLLOW);
}

static int look_or_make(struct walk *walk)
{
	if (look(walk) == 0) return 0;
	if (errno != ENOENT || !walk->make || make_missing(walk) != 0) return -1;
	return look(walk);
}

static int step(struct walk *walk, const char *name)
{
	struct found *found = walk->found;
	if (!S_ISDIR(found->status.stx_mode)) return refuse(ENOTDIR);
	if (strcmp(name, ".") == 0) return 0;
	if (strcmp(name, "..") == 0) {
		drop_component(found->path);
		return look(walk);
	}
	if (append_component(found->path, name) != 0 || look_or_make(walk) != 0) return -1;
	if (!S_ISLNK(found->status.stx_mode)) return 0;
	if (read_target(found) != 0) return -1;
	bool last = walk->pending[strspn(walk->pending, "/")] == 0;
	return last && !walk->follow ? 0 : follow_link(walk);
}

static int find_once(struct walk *walk, const char *path)
{
	struct found *found = walk->found;
	char name[NAME_MAX + 1];
	int more;
	walk->links = 0;
	found->path[0] = found->target[0] = 0;
	memcpy(walk->pending, path, strlen(path) + 1);
	if (look(walk) != 0) return -1;
	while ((more = next_component(walk, name)) > 0) {
		if (step(walk, name) != 0) return -1;
	}
	if (found->path[0] == 0) memcpy(found->path, "/", 2);
	return more;
}

/* `path` is shorter than PATH_MAX. */
static int find(struct walk *walk, const char *path)
{
	int result, attempts = 0;
	do result = find_once(walk, path);
	while (result != 0 && errno == ELOOP && walk->links <= LINKS_MAX && ++attempts < ATTEMPTS_MAX);
	if (result != 0) close_fd(&walk->found->fd);
	return result;
}

int tree_find(int root, struct span path, bool follow, struct found *found, struct failure *failure)
{
	struct walk walk = {.root = root, .follow = follow, .found = found};
	char text[PATH_MAX];
	found->fd = -1;
	if (path.size >= sizeof text)
		return fail(failure, ENAMETOOLONG, "", "a path of %zu bytes", path.size);
	if (path.size > 0 && memchr(path.data, 0, path.size))
		return fail(failure, EINVAL, "", "a path with a NUL");
	memcpy(text, path.data, path.size);
	text[path.size] = 0;
	return find(&walk, text) == 0 ? 0 : fail(failure, errno, text, NULL);
}

int tree_make_directories(int root, const char *path)
{
	int fd = open_inside(root, path, O_PATH | O_DIRECTORY, 0, 0);
	if (fd >= 0 || errno != ENOENT) return fd;
	struct found found = {.fd = -1};
	struct walk walk = {.root = root, .follow = true, .make = true, .found = &found};
	if (find(&walk, path) != 0) return -1;
	if (S_ISDIR(found.status.stx_mode)) return found.fd;
	close_fd(&found.fd);
	return refuse(ENOTDIR);
}
