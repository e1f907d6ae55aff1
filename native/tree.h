/*
 * A tree session: a launcher process that serves requests about one directory until its client hangs up. Everything in the directory is
 * somebody else's, and changes while it is looked at: paths are resolved by openat2 below the root's descriptor, and what is opened is looked at
 * before it is used.
 */
#ifndef SAMPAN_TREE_H
#define SAMPAN_TREE_H

#include <limits.h>
#include <sys/stat.h>

#include "run.h"
#include "tree-wire.h"

struct tree {
	int root; /* O_PATH */
	struct inbox inbox;
	struct outbox outbox;
};

/* What a path leads to. */
struct found {
	int fd; /* O_PATH; the caller closes it */
	struct statx status;
	char path[PATH_MAX];   /* from the root, links resolved, "/" for the root itself */
	char target[PATH_MAX]; /* of a symbolic link, else empty */
};

/* Serves the directory in the slot that `serveTree` named. Returns the exit status of this process. It owns `connection` and `run`. */
int tree_serve(struct run *run, int connection);

/*
 * Resolves `path` below `root`; the last component is followed when `follow`. Returns 0, or -1 with the failure filled (ENOENT where nothing is
 * there).
 */
int tree_find(int root, struct span path, bool follow, struct found *found, struct failure *failure);

/*
 * Opens (O_PATH) the directory `path` (shorter than PATH_MAX) below `root`, links followed, and makes what is missing of it: root's, mode 0755.
 * -1 with errno.
 */
int tree_make_directories(int root, const char *path);

/* Whether a descriptor lies where a file is not a file but a word with the kernel: procfs, sysfs, cgroups and the like. */
bool is_kernels(int fd);

/* The kind of a record for what has this mode. */
enum record_kind kind_of(mode_t mode);

/* The three verbs. Each answers, or returns -1 with the failure filled; when nobody listens any more the outbox says so. */
int tree_stat(struct tree *tree, const struct request *request, struct failure *failure);
int tree_read(struct tree *tree, const struct request *request, struct failure *failure);
int tree_write(struct tree *tree, const struct request *request, struct failure *failure);

/* --- descriptors --------------------------------------------------------------------------------------------------------- */

enum { OPENED_NAME = 16 };

/*
 * The name of a descriptor in /proc/self/fd, which is the working directory of a session: whoever opens it gets the very object that an O_PATH
 * descriptor stands for, whatever has become of its name.
 */
const char *opened_name(char name[OPENED_NAME], int fd);

/* Opens what an O_PATH descriptor stands for. Reading does not touch access times where that is allowed. -1 with errno. */
int reopen(int fd, int flags);

/* statx of an O_PATH descriptor, with the mount's ID. -1 with errno. */
int status_of(int fd, struct statx *status);

/* Whether two looks saw the same object. */
bool same_object(const struct statx *one, const struct statx *other);

/* --- extended attributes ------------------------------------------------------------------------------------------------- */

/* An object that is looked at. */
struct opened {
	int fd;       /* O_PATH */
	int readable; /* the same, opened for reading; -1: it was not */
};

/* Its attributes whose names begin with one of the request's prefixes, encoded into `bytes` (TREE_XATTRS_MAX). -1 with errno. */
int xattrs_read(const struct opened *object, const struct request *request, uint8_t *bytes, size_t *size);

/* Sets them; those that the filesystem does not take are left out, as Docker leaves them out. -1 with errno. */
int xattrs_write(int fd, struct span xattrs);

#endif
