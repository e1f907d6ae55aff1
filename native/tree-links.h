/* The files with several names that a walk has seen: which came first. */
#ifndef SAMPAN_TREE_LINKS_H
#define SAMPAN_TREE_LINKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Memory for the first names. */
enum { LINKS_NAMES = 256 << 20 };

struct seen; /* a file */

struct links {
	struct seen *seen; /* a hash table, a power of two large */
	size_t capacity;
	size_t count;
	char *names;
	size_t names_size;
	size_t names_capacity;
};

/*
 * The first name of a file that was seen before, in `first`; else NULL, and `name` is its first one. Returns -1 with errno: EOVERFLOW where there
 * are more than can be remembered.
 */
int links_look(struct links *links, const struct statx *status, const char *name, const char **first);

void links_release(struct links *links);

#endif
