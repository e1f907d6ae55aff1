/* Files with several names; see tree-links.h. */
#include "tree-links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct seen {
	uint64_t ino;
	uint64_t device;
	size_t name; /* where it is in `names`, plus one; 0: nothing here */
};

static uint64_t device_of(const struct statx *status)
{
	return (uint64_t)status->stx_dev_major << 32 | status->stx_dev_minor;
}

static size_t place_of(const struct links *links, uint64_t ino, uint64_t device)
{
	uint64_t hash = (ino ^ device << 40) * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(hash >> 20) & (links->capacity - 1);
	while (links->seen[at].name && (links->seen[at].ino != ino || links->seen[at].device != device))
		at = (at + 1) & (links->capacity - 1);
	return at;
}

/* A table that is never more than half full. */
static int make_room(struct links *links)
{
	if (links->count * 2 < links->capacity) return 0;
	struct links larger = *links;
	larger.capacity = links->capacity == 0 ? 256 : links->capacity * 2;
	larger.seen = calloc(larger.capacity, sizeof *larger.seen);
	if (!larger.seen) return -1;
	for (size_t i = 0; i < links->capacity; i++) {
		const struct seen *old = &links->seen[i];
		if (old->name) larger.seen[place_of(&larger, old->ino, old->device)] = *old;
	}
	free(links->seen);
	*links = larger;
	return 0;
}

static int remember(struct links *links, const char *name, size_t *place)
{
	size_t size = strlen(name) + 1, wanted = links->names_size + size;
	if (wanted > LINKS_NAMES) {
		errno = EOVERFLOW;
		return -1;
	}
	if (wanted > links->names_capacity) {
		size_t capacity = 2 * wanted + 4096;
		char *moved = realloc(links->names, capacity);
		if (!moved) return -1;
		links->names = moved;
		links->names_capacity = capacity;
	}
	memcpy(links->names + links->names_size, name, size);
	*place = links->names_size + 1;
	links->names_size = wanted;
	return 0;
}

int links_look(struct links *links, const struct statx *status, const char *name, const char **first)
{
	*first = NULL;
	if (status->stx_nlink < 2) return 0;
	if (make_room(links) != 0) return -1;
	struct seen *seen = &links->seen[place_of(links, status->stx_ino, device_of(status))];
	if (seen->name) {
		*first = links->names + seen->name - 1;
		return 0;
	}
	if (remember(links, name, &seen->name) != 0) return -1;
	seen->ino = status->stx_ino;
	seen->device = device_of(status);
	links->count++;
	return 0;
}

void links_release(struct links *links)
{
	free(links->seen);
	free(links->names);
}
