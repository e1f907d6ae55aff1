/*
 * Opening paths. A path below a root is resolved by openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS) from the root's
 * descriptor, whatever symbolic links a container put there; procfs is reached only through the host's own, opened before
 * any container existed.
 */
#ifndef SAMPAN_PATH_H
#define SAMPAN_PATH_H

#include "run.h"

/* `dir` and `root` of a step: the launcher's (or, in the child stage, the process's) own root. */
enum { HOST = -1 };

/* Opens the host's procfs and checks that it is one. Called once, before anything else here. */
int procfs_open(struct failure *failure);

/* Opens `path` below the host's procfs without following symbolic links out of it; refuses what is mounted over it. */
int procfs_file(const char *path, int flags);

/* The descriptor of the host's procfs, for whoever closes all others. */
int procfs_descriptor(void);

/* Nothing below here that needs it works any more in this process. */
void procfs_close(void);

/* The descriptor in a slot; EBADF where the slot is empty or out of range. */
int slot_fd(const struct run *run, int64_t slot, struct failure *failure);

/* Stores a descriptor (which it takes over in every case), closing what was there. */
int slot_store(struct run *run, int64_t slot, int fd, struct failure *failure);

/* A descriptor of the root that `root` names: the slot's, or a new one of "/". The caller closes it. */
int root_open(const struct run *run, int64_t root, struct failure *failure);

/* openat2, tried again when the kernel asks for it. Returns a descriptor (close-on-exec) or -1 with errno. */
int open_resolving(int dir, const char *path, int flags, mode_t mode, uint64_t resolve);

/* openat2 below `root`. Returns a descriptor (close-on-exec) or -1 with errno. */
int open_inside(int root, const char *path, int flags, mode_t mode, uint64_t resolve);

/* Opens a host path, or a path below the slot `dir`. Paths below /proc go to the host's procfs. -1 with errno. */
int open_at(const struct run *run, int64_t dir, const char *path, int flags, mode_t mode);

struct ownership {
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

/*
 * Opens (O_PATH) the directory `path` below `root`, making what is missing component by component; symbolic links are followed
 * inside the root, also those that dangle. -1 with errno.
 */
int make_directories(int root, const char *path, struct ownership ownership);

/* Opens (O_PATH) the directory that holds the last component of `path`, making it if needed; `name` points into `path`. -1 with errno. */
int make_parent(int root, const char *path, const char **name);

/* As make_parent, but nothing is made. */
int open_parent(int root, const char *path, const char **name);

/* chmod of an O_PATH descriptor. -1 with errno. */
int chmod_opened(int fd, mode_t mode);

/* Whether a descriptor lies on a filesystem of this type (a *_SUPER_MAGIC). */
bool on_filesystem(int fd, long type);

#endif
