/*
 * Going down a tree of directories and up again. Only the deepest levels keep their descriptors; one that was closed is opened again through the
 * "..", and must be the directory that it was.
 */
#ifndef SAMPAN_TREE_DESCENT_H
#define SAMPAN_TREE_DESCENT_H

#include "tree.h"

enum {
	/* The levels that keep their descriptors. */
	DESCENT_OPEN = 64,
	/* Memory for the names of all levels. */
	DESCENT_NAMES = 256 << 20,
};

struct level {
	int fd; /* -1: closed for now */
	struct statx status;
	size_t path_size; /* of the path of this directory */
	char *names;      /* one after the other, each with its NUL */
	size_t names_size;
	uint32_t *order; /* offsets into `names`, sorted by the names' bytes */
	size_t count;
	size_t next;
};

struct descent {
	struct level *levels;
	size_t depth;
	size_t capacity;
	size_t memory;
	char path[TREE_NAME_MAX + 1]; /* of the deepest level, relative to the first: "" for that */
};

/* Goes down into the directory open at `fd` (which it takes over in every case), `name` in the deepest one. Reads all its names. -1 with errno. */
int descent_enter(struct descent *descent, int fd, const struct statx *status, const char *name);

/* The next name of the deepest level, NULL at its end. */
const char *descent_next(struct descent *descent);

struct level *descent_top(struct descent *descent);

/* Goes up. -1 with errno: ESTALE where the directory above is another one by now. */
int descent_leave(struct descent *descent);

/* The path of `name` in the deepest level; NULL with ENAMETOOLONG. Good until the next call. */
const char *descent_path(struct descent *descent, const char *name);

void descent_release(struct descent *descent);

#endif
