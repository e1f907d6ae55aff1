/* Writing into a tree: what its parts share. */
#ifndef SAMPAN_TREE_WRITING_H
#define SAMPAN_TREE_WRITING_H

#include "tree.h"

/* A file that is being written. */
struct incoming {
	int fd;               /* -1: none */
	struct record header; /* its spans are not used */
	uint64_t at;          /* where the next byte goes */
	uint64_t written;     /* the end of the last byte that was not left out as a zero */
	char path[PATH_MAX];
	uint8_t *xattrs; /* malloc'd, the header's */
	size_t xattrs_size;
};

/* A directory whose times are set at the end, as what is made in it changes them. */
struct dated {
	char *path; /* from the root */
	struct timespec time;
	uint64_t ino;
	uint64_t mount;
};

struct writing {
	struct tree *tree;
	bool keep_kinds;
	char base[PATH_MAX]; /* the directory that names are relative to, from the root */
	int parent;          /* O_PATH, of `parent_path`; -1: none yet */
	char parent_path[PATH_MAX];
	struct incoming file;
	struct dated *directories;
	size_t directory_count;
	size_t directory_capacity;
	size_t directory_bytes;
	struct failure *failure;
};

/* Makes what a header says. */
int write_member(struct writing *writing, const struct record *header);

/* Begins a file at the descriptor (taken over in every case); ends it at once when it is empty. */
int incoming_begin(struct writing *writing, int fd, const struct record *header, const char *path);

/* Bytes of the file that was begun; its last one ends it. */
int incoming_data(struct writing *writing, struct span bytes);

/* Owner, attributes, mode and times, in this order, as each may take back what comes later. -1 with errno. `fd` may be an O_PATH one. */
int apply_header(int fd, const struct record *header, struct span xattrs);

/* Remembers a directory's times. -1 with errno. */
int remember_directory(struct writing *writing, int fd, const struct record *header, const char *path);

/* Sets the times of all that are still there. */
void date_directories(struct writing *writing);

/* Removes what is no directory, and not mounted: EBUSY. -1 with errno: EISDIR for a directory. */
int remove_name(int parent, const char *name);

/* Removes the directory `name` in `parent` with all below it; never what is mounted there. -1 with errno. */
int remove_directory(int parent, const char *name);

/*
 * Makes `name` plain (no "." and no "..", one slash between components) behind `base` in `path`. Returns 0, or -1 with errno: EINVAL for a name that
 * leads above the base.
 */
int join_name(const char *base, struct span name, char path[PATH_MAX]);

#endif
