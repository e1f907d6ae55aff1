#ifndef SAMPAN_LOOP_H
#define SAMPAN_LOOP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

/* The object whose member `pointer` is. */
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* A descriptor and what happens when it is ready; embedded in its owner, which owns the descriptor. */
struct watch {
	int fd;
	uint32_t events;
	void (*ready)(struct watch *watch, uint32_t events);
};

/* Something that happens once, later. Zero-initialised but for `expire` is idle. */
struct timer {
	int64_t deadline;
	void (*expire)(struct timer *timer);
	struct timer *next;
};

int loop_open(void);
/* Waits for what is next and handles it; `idle_ms` bounds the wait, -1 for none. */
void loop_turn(int idle_ms);

/* Begins with no events; returns -1 with errno. The descriptor is made non-blocking. */
int watch_open(struct watch *watch, int fd, void (*ready)(struct watch *, uint32_t));
/* No events at all takes the descriptor out of epoll, which would report a hang-up regardless. */
void watch_for(struct watch *watch, uint32_t events);
/* Closes the descriptor; events already fetched for it are dropped. */
void watch_close(struct watch *watch);
static inline int watch_is_open(const struct watch *watch)
{
	return watch->fd >= 0;
}

/* Milliseconds of a clock that only goes forward. */
int64_t loop_now(void);
void timer_set(struct timer *timer, int milliseconds);
void timer_clear(struct timer *timer);
static inline int timer_is_set(const struct timer *timer)
{
	return timer->deadline != 0;
}

/* Frees after the current turn: events of this turn may still name watches inside. */
void loop_free(void *memory);

#endif
