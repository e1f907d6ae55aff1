/* Going down a tree and up again; see tree-descent.h. */
#include "tree-descent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "cleanup.h"

enum { LISTING_SIZE = 64 << 10 };

struct entry {
	uint64_t ino;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

struct level *descent_top(struct descent *descent)
{
	return &descent->levels[descent->depth - 1];
}

/* --- names -------------------------------------------------------------------------------------------------------------- */

/* The memory, moved if it has to be for `wanted` units; NULL where there is none. */
static void *grown(void *memory, size_t *capacity, size_t wanted, size_t unit)
{
	if (wanted <= *capacity) return memory;
	size_t larger = *capacity == 0 ? 64 : *capacity;
	while (larger < wanted) larger *= 2;
	void *moved = realloc(memory, larger * unit);
	if (moved) *capacity = larger;
	return moved;
}

struct gathering {
	struct level *level;
	size_t names_capacity;
	size_t order_capacity;
	size_t limit; /* bytes */
};

static int gather(struct gathering *to, const struct entry *entry)
{
	struct level *level = to->level;
	size_t size = strlen(entry->name) + 1;
	if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0) return 0;
	/* What a filesystem that somebody else serves calls a name. */
	if (size == 1 || strchr(entry->name, '/')) return 0;
	if (level->names_size + size + (level->count + 1) * sizeof *level->order > to->limit) {
		errno = EOVERFLOW;
		return -1;
	}
	char *names = grown(level->names, &to->names_capacity, level->names_size + size, 1);
	if (!names) return -1;
	level->names = names;
	uint32_t *order = grown(level->order, &to->order_capacity, level->count + 1, sizeof *order);
	if (!order) return -1;
	level->order = order;
	memcpy(level->names + level->names_size, entry->name, size);
	level->order[level->count++] = (uint32_t)level->names_size;
	level->names_size += size;
	return 0;
}

static int by_name(const void *one, const void *other, void *names)
{
	return strcmp(
	        (const char *)names + *(const uint32_t *)one, (const char *)names + *(const uint32_t *)other);
}

static int read_names(struct level *level, size_t limit)
{
	static _Alignas(uint64_t) char listing[LISTING_SIZE];
	struct gathering to = {.level = level, .limit = limit};
	for (;;) {
		long size = syscall(SYS_getdents64, level->fd, listing, sizeof listing);
		/* A directory that was removed has no names. */
		if (size < 0 && errno != ENOENT) return -1;
		if (size <= 0) break;
		for (long at = 0; at < size;) {
			const struct entry *entry = (const struct entry *)(const void *)(listing + at);
			if (gather(&to, entry) != 0) return -1;
			at += entry->size;
		}
	}
	if (level->count > 1)
		qsort_r(level->order, level->count, sizeof *level->order, by_name, level->names);
	return 0;
}

static size_t memory_of(const struct level *level)
{
	return level->names_size + level->count * sizeof *level->order;
}

static void release(struct level *level)
{
	close_fd(&level->fd);
	free(level->names);
	free(level->order);
}

/* --- levels ------------------------------------------------------------------------------------------------------------- */

const char *descent_path(struct descent *descent, const char *name)
{
	size_t used = descent->depth == 0 ? 0 : descent_top(descent)->path_size;
	size_t size = strlen(name);
	if (used + size + 2 > sizeof descent->path) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	if (used > 0) descent->path[used++] = '/';
	memcpy(descent->path + used, name, size + 1);
	return descent->path;
}

int descent_enter(struct descent *descent, int fd, const struct statx *status, const char *name)
{
	struct level level = {.fd = fd, .status = *status};
	struct level *levels = grown(descent->levels, &descent->capacity, descent->depth + 1, sizeof level);
	if (levels) descent->levels = levels;
	const char *path = descent->depth > 0 ? descent_path(descent, name) : "";
	if (!levels || !path || read_names(&level, DESCENT_NAMES - descent->memory) != 0) {
		int reason = errno;
		release(&level);
		errno = reason;
		return -1;
	}
	level.path_size = strlen(path);
	descent->levels[descent->depth++] = level;
	descent->memory += memory_of(&level);
	if (descent->depth > DESCENT_OPEN) close_fd(&descent->levels[descent->depth - 1 - DESCENT_OPEN].fd);
	return 0;
}

const char *descent_next(struct descent *descent)
{
	struct level *level = descent_top(descent);
	return level->next < level->count ? level->names + level->order[level->next++] : NULL;
}

/* A directory that was moved, with all below it, has another parent. */
static int open_again(struct level *above, int below)
{
	struct statx status;
	autoclose fd = openat(below, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || status_of(fd, &status) != 0) return -1;
	if (!same_object(&status, &above->status)) {
		errno = ESTALE;
		return -1;
	}
	above->fd = keep_fd(&fd);
	return 0;
}

int descent_leave(struct descent *descent)
{
	struct level *level = descent_top(descent);
	int result = 0;
	if (descent->depth > 1 && level[-1].fd < 0) result = open_again(level - 1, level->fd);
	int reason = errno;
	descent->memory -= memory_of(level);
	descent->depth--;
	release(level);
	errno = reason;
	return result;
}

void descent_release(struct descent *descent)
{
	while (descent->depth > 0) release(&descent->levels[--descent->depth]);
	free(descent->levels);
}
