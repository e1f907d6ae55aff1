#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hub.h"
#include "supervisor.h"

enum { RETRY_MS = 10, RETRIES = 100 };

struct oom {
	struct watch watch;
	struct timer retry;
	int retries_left;
	int version;
	int file;
	uint64_t kills;
};

static struct oom groups[OOM_WATCHES_MAX];
static size_t group_count;

/* The count in a line "oom_kill N" of memory.events or memory.oom_control. */
static uint64_t read_kills(const struct oom *group)
{
	char text[1024];
	ssize_t length = pread(group->file, text, sizeof(text) - 1, 0);
	const char *line;

	if (length <= 0)
		return group->kills;
	text[length] = '\0';
	line = strstr(text, "\noom_kill ");
	return line ? strtoull(line + strlen("\noom_kill "), NULL, 10) : group->kills;
}

/* Returns whether there was a kill since the last look. */
static bool look(struct oom *group)
{
	uint64_t kills = read_kills(group);
	bool killed = group->kills < kills;

	/* One notice for each: a second kill may come before the first was read. */
	for (; group->kills < kills; group->kills++)
		hub_notify(FRAME_OOM, "");
	return killed;
}

/* Version 1 signals before it kills: the count may take a moment. After a removal it never comes. */
static void look_again(struct timer *timer)
{
	struct oom *group = container_of(timer, struct oom, retry);

	if (!look(group) && group->retries_left-- > 0)
		timer_set(timer, RETRY_MS);
}

static void signalled(struct watch *watch, uint32_t events)
{
	struct oom *group = container_of(watch, struct oom, watch);
	uint64_t count;

	(void)events;
	if (group->version == 1 && read(watch->fd, &count, sizeof(count)) < 0)
		return;
	group->retries_left = RETRIES;
	look_again(&group->retry);
}

void oom_open(const struct run *run)
{
	for (size_t i = 0; i < run->oom_count && i < OOM_WATCHES_MAX; i++) {
		struct oom *group = &groups[group_count];

		*group = (struct oom){ .retry.expire = look_again, .version = run->oom[i].version, .file = run->oom[i].file };
		if (watch_open(&group->watch, run->oom[i].event, signalled) < 0)
			continue;
		watch_for(&group->watch, group->version == 1 ? EPOLLIN : EPOLLPRI);
		group_count++;
	}
}

uint64_t oom_kills(void)
{
	uint64_t kills = 0;

	for (size_t i = 0; i < group_count; i++) {
		look(&groups[i]);
		kills += groups[i].kills;
	}
	return kills;
}
