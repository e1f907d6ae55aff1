/* Making what a header says at its place in the tree. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"
#include "tree-writing.h"

/* How often something else may take the place before a name is given up. */
enum { ATTEMPTS_MAX = 64 };

/* A name in its directory. */
struct place {
	int parent;
	const char *name;
	const char *path;
};

/* --- where -------------------------------------------------------------------------------------------------------------- */

/* The directory that is to hold `path`, made if it is missing; kept for the next member, which is mostly beside this one. */
static int parent_of(struct writing *writing, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	size_t size = (size_t)(slash - path);
	*name = slash + 1;
	if (writing->parent >= 0 && strncmp(writing->parent_path, path, size) == 0 &&
	        !writing->parent_path[size])
		return 0;
	close_fd(&writing->parent);
	memcpy(writing->parent_path, path, size);
	writing->parent_path[size] = 0;
	autoclose fd = tree_make_directories(writing->tree->root, writing->parent_path);
	if (fd < 0) return fail(writing->failure, errno, path, NULL);
	if (is_kernels(fd))
		return fail(writing->failure, EPERM, path, "it lies on a filesystem of the kernel's own");
	writing->parent = keep_fd(&fd);
	return 0;
}

/* --- replacing ---------------------------------------------------------------------------------------------------------- */

static int conflict(struct writing *writing, const struct place *place, bool directory)
{
	const char *there = directory ? "non-directory" : "directory";
	const char *comes = directory ? "directory" : "non-directory";
	return fail(writing->failure, EEXIST, "", "cannot overwrite %s \"%s\" with %s \"%s\"", there,
	        place->path, comes, writing->base);
}

/* Removes what is in the place. Where a directory comes upon a directory it stays: 1. */
static int clear_place(struct writing *writing, const struct place *place, bool directory)
{
	struct stat status;
	if (fstatat(place->parent, place->name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : fail(writing->failure, errno, place->path, NULL);
	bool there = S_ISDIR(status.st_mode);
	if (there && directory) return 1;
	if (there != directory && writing->keep_kinds) return conflict(writing, place, directory);
	int result = there ? remove_directory(place->parent, place->name)
	                   : remove_name(place->parent, place->name);
	if (result == 0 || errno == ENOENT) return 0;
	const char *detail = errno == EBUSY ? "it, or something in it, is mounted" : "";
	return fail(writing->failure, errno, place->path, "%s", detail);
}

/* --- making ------------------------------------------------------------------------------------------------------------- */

static int make_file(struct writing *writing, const struct place *place, const struct record *header)
{
	/* Nobody else may open it before it is whole and its owner's. */
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
	int fd = openat(place->parent, place->name, flags, 0600);
	return fd < 0 ? fail(writing->failure, errno, place->path, NULL)
	              : incoming_begin(writing, fd, header, place->path);
}

/* Opens what was just made, unless it is something else by now: then it is somebody else's, and stays as it is. */
static int open_made(const struct place *place, mode_t type, dev_t device)
{
	struct stat status;
	autoclose fd = openat(place->parent, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0) return -1;
	bool same = (status.st_mode & S_IFMT) == type && status.st_rdev == device;
	if (!same || (type != S_IFDIR && status.st_nlink != 1)) {
		errno = ESTALE;
		return -1;
	}
	return keep_fd(&fd);
}

static int dress(struct writing *writing, const struct place *place, const struct record *header, int fd)
{
	if (fd < 0 || apply_header(fd, header, header->xattrs) != 0)
		return fail(writing->failure, errno, place->path, NULL);
	if (header->kind == RECORD_DIRECTORY && remember_directory(writing, fd, header, place->path) != 0) {
		const char *detail = errno == EOVERFLOW ? "more directories than can be remembered" : "";
		return fail(writing->failure, errno, place->path, "%s", detail);
	}
	return 0;
}

static int make_directory(struct writing *writing, const struct place *place, const struct record *header)
{
	bool is_new = mkdirat(place->parent, place->name, 0700) == 0;
	if (!is_new && errno != EEXIST) return fail(writing->failure, errno, place->path, NULL);
	autoclose fd = open_made(place, S_IFDIR, 0);
	if (fd < 0 && errno == ESTALE) return fail(writing->failure, EEXIST, place->path, NULL);
	/* Archives of whole systems have a /proc and a /sys. */
	if (fd >= 0 && !is_new && is_kernels(fd)) return 0;
	return dress(writing, place, header, fd);
}

static int make_symlink(struct writing *writing, const struct place *place, const struct record *header)
{
	char target[PATH_MAX];
	if (header->link.size >= sizeof target)
		return fail(writing->failure, ENAMETOOLONG, place->path, "its target");
	if (header->link.size == 0 || memchr(header->link.data, 0, header->link.size))
		return fail(writing->failure, EINVAL, place->path, "its target");
	memcpy(target, header->link.data, header->link.size);
	target[header->link.size] = 0;
	if (symlinkat(target, place->parent, place->name) != 0)
		return fail(writing->failure, errno, place->path, NULL);
	autoclose fd = open_made(place, S_IFLNK, 0);
	return dress(writing, place, header, fd);
}

static int make_node(struct writing *writing, const struct place *place, const struct record *header)
{
	mode_t type = header->kind == RECORD_FIFO    ? S_IFIFO
	              : header->kind == RECORD_BLOCK ? S_IFBLK
	                                             : S_IFCHR;
	dev_t device = type == S_IFIFO ? 0 : makedev(header->major, header->minor);
	if (mknodat(place->parent, place->name, type | 0600, device) != 0)
		return fail(writing->failure, errno, place->path, NULL);
	autoclose fd = open_made(place, type, device);
	return dress(writing, place, header, fd);
}

static int make_hardlink(struct writing *writing, const struct place *place, const struct record *header)
{
	char target[PATH_MAX];
	const char *name;
	struct stat old, new;
	if (join_name(writing->base, header->link, target) != 0)
		return fail(writing->failure, errno, place->path, "a hard link to a name outside");
	autoclose parent = open_parent(writing->tree->root, target, &name);
	if (parent < 0 || fstatat(parent, name, &old, AT_SYMLINK_NOFOLLOW) != 0)
		return fail(writing->failure, EINVAL, place->path,
		        "a hard link to \"%s\", which is not there", target);
	if (fstatat(place->parent, place->name, &new, AT_SYMLINK_NOFOLLOW) == 0 && old.st_dev == new.st_dev &&
	        old.st_ino == new.st_ino)
		return 0;
	if (linkat(parent, name, place->parent, place->name, 0) == 0) return 0;
	return fail(writing->failure, errno, place->path, NULL);
}

static int make(struct writing *writing, const struct place *place, const struct record *header)
{
	switch (header->kind) {
	case RECORD_FILE:
		return make_file(writing, place, header);
	case RECORD_HARDLINK:
		return make_hardlink(writing, place, header);
	case RECORD_SYMLINK:
		return make_symlink(writing, place, header);
	case RECORD_DIRECTORY:
		return make_directory(writing, place, header);
	case RECORD_CHARACTER:
	case RECORD_BLOCK:
	case RECORD_FIFO:
		return make_node(writing, place, header);
	default:
		return fail(writing->failure, EINVAL, place->path, "a socket cannot be written");
	}
}

/* The directory that everything goes into. */
static int dress_base(struct writing *writing, const struct record *header)
{
	struct place place = {.path = writing->base};
	if (header->kind != RECORD_DIRECTORY)
		return fail(writing->failure, EINVAL, writing->base, "a name is missing");
	autoclose fd = open_inside(writing->tree->root, writing->base, O_PATH | O_DIRECTORY, 0, 0);
	if (fd >= 0 && is_kernels(fd))
		return fail(writing->failure, EPERM, writing->base, "it is the kernel's own");
	return dress(writing, &place, header, fd);
}

int write_member(struct writing *writing, const struct record *header)
{
	char path[PATH_MAX];
	struct place place = {.path = path};
	if (writing->file.fd >= 0)
		return fail(writing->failure, EINVAL, writing->file.path, "less data than its header says");
	if (join_name(writing->base, header->name, path) != 0) {
		char name[256];
		snprintf(name, sizeof name, "%.*s", (int)header->name.size, (const char *)header->name.data);
		const char *detail = errno == EINVAL ? "the name leads outside, or nowhere" : "";
		return fail(writing->failure, errno, name, "%s", detail);
	}
	if (strcmp(path, writing->base) == 0) return dress_base(writing, header);
	if (parent_of(writing, path, &place.name) != 0) return -1;
	place.parent = writing->parent;
	for (int attempt = 0;; attempt++) {
		if (make(writing, &place, header) == 0) return 0;
		if (writing->failure->errnum != EEXIST || attempt == ATTEMPTS_MAX) return -1;
		if (clear_place(writing, &place, header->kind == RECORD_DIRECTORY) < 0) return -1;
	}
}
