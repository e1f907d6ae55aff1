/* Scope clean-up: a variable declared with one of these releases what it holds when its scope ends. */
#ifndef SAMPAN_CLEANUP_H
#define SAMPAN_CLEANUP_H

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static inline void close_fd(int *fd)
{
	if (*fd < 0) return;
	int saved = errno;
	close(*fd);
	errno = saved;
	*fd = -1;
}

static inline void free_pointer(void *pointer)
{
	free(*(void **)pointer);
}

#define autoclose __attribute__((cleanup(close_fd))) int
#define autofree __attribute__((cleanup(free_pointer)))

/* Hands a descriptor out of the scope that would close it. */
static inline int keep_fd(int *fd)
{
	int kept = *fd;
	*fd = -1;
	return kept;
}

#endif
