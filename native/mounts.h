/* What the operations on mounts share. */
#ifndef SAMPAN_MOUNTS_H
#define SAMPAN_MOUNTS_H

#include <sys/stat.h>

#include "run.h"

/* Moves a detached mount onto an O_PATH descriptor. -1 with errno. */
int attach_mount(int tree, int target);

/* A detached copy of the mount at an O_PATH descriptor; `recursive` with all below it. -1 with errno. */
int clone_mount(int fd, bool recursive);

/* mount_setattr on a mount's descriptor; a propagation of 0 leaves that alone, MS_REC in it means the whole subtree. -1 with errno. */
int set_attributes(int fd, uint64_t set, uint64_t clear, bool recursive, uint64_t propagation);

/* A new filesystem, not mounted anywhere yet. Names `subject` and the kernel's own words in the failure. */
struct filesystem {
	const char *type;
	const char *source;
	const char *const *options; /* "key=value" or "key", ends with NULL */
	uint64_t attributes;
};
int make_filesystem(const struct filesystem *filesystem, const char *subject, struct failure *failure);

/* Opens (O_PATH) the target of a mount below `root`, made if `create` is S_IFDIR or S_IFREG and it is missing (0: must exist). */
struct target {
	const char *path;
	mode_t create;
	const char *fstype; /* of what is to be mounted there, "" for a bind */
};
int open_target(int root, const struct target *target, struct failure *failure);

#endif
