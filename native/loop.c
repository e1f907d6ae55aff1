#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_PER_TURN = 32 };

/* One process has one loop. */
static int epoll_fd = -1;
static struct timer *timers;
static void **condemned;
static size_t condemned_count;
static size_t condemned_capacity;

int loop_open(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return epoll_fd < 0 ? -1 : 0;
}

int64_t loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void timer_clear(struct timer *timer)
{
	struct timer **link = &timers;

	if (!timer_is_set(timer))
		return;
	while (*link && *link != timer)
		link = &(*link)->next;
	if (*link)
		*link = timer->next;
	timer->deadline = 0;
}

void timer_set(struct timer *timer, int milliseconds)
{
	struct timer **link = &timers;

	timer_clear(timer);
	timer->deadline = loop_now() + milliseconds;
	while (*link && (*link)->deadline <= timer->deadline)
		link = &(*link)->next;
	timer->next = *link;
	*link = timer;
}

static void expire_timers(void)
{
	int64_t now;

	if (!timers)
		return;
	now = loop_now();
	while (timers && timers->deadline <= now) {
		struct timer *timer = timers;

		timers = timer->next;
		timer->deadline = 0;
		timer->expire(timer);
	}
}

static int time_to_wait(int idle_ms)
{
	int64_t left;

	if (!timers)
		return idle_ms;
	left = timers->deadline - loop_now();
	if (left < 0)
		left = 0;
	return idle_ms >= 0 && idle_ms < left ? idle_ms : (int)left;
}

static void free_condemned(void)
{
	for (size_t i = 0; i < condemned_count; i++)
		free(condemned[i]);
	condemned_count = 0;
}

void loop_free(void *memory)
{
	if (condemned_count == condemned_capacity) {
		size_t capacity = condemned_capacity ? condemned_capacity * 2 : 16;
		void **grown = realloc(condemned, capacity * sizeof(*grown));

		/* Leaking beats freeing what an event may still name. */
		if (!grown)
			return;
		condemned = grown;
		condemned_capacity = capacity;
	}
	condemned[condemned_count++] = memory;
}

void loop_turn(int idle_ms)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int count = epoll_wait(epoll_fd, events, EVENTS_PER_TURN, time_to_wait(idle_ms));

	for (int i = 0; i < count; i++) {
		struct watch *watch = events[i].data.ptr;

		if (watch_is_open(watch) && watch->events)
			watch->ready(watch, events[i].events);
	}
	expire_timers();
	free_condemned();
}

int watch_open(struct watch *watch, int fd, void (*ready)(struct watch *, uint32_t))
{
	int flags = fcntl(fd, F_GETFL);

	*watch = (struct watch){ .fd = fd, .ready = ready };
	if (flags < 0)
		return -1;
	return flags & O_NONBLOCK ? 0 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void watch_for(struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (!watch_is_open(watch) || watch->events == events)
		return;
	if (events == 0)
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	else
		epoll_ctl(epoll_fd, watch->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, watch->fd, &event);
	watch->events = events;
}

void watch_close(struct watch *watch)
{
	if (!watch_is_open(watch))
		return;
	/* A forked exec helper may hold a copy of the descriptor, and epoll would go on reporting it. */
	watch_for(watch, 0);
	close(watch->fd);
	watch->fd = -1;
}
