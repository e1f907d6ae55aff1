#ifndef SAMPAN_CONDUIT_H
#define SAMPAN_CONDUIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A pipe by which the kernel moves bytes from one socket to another without copying them. Zero-initialised has no pipe. */
struct conduit {
	int ends[2];
	bool is_open;
	/* Bytes on their way. */
	size_t held;
};

/* Opens the pipe. Without effect when there are too many, or no descriptors: then bytes are copied, as ever. */
void conduit_open(struct conduit *conduit);
/* As read and write, without waiting. */
ssize_t conduit_fill(struct conduit *conduit, int from);
ssize_t conduit_drain(struct conduit *conduit, int to);
void conduit_close(struct conduit *conduit);

#endif
