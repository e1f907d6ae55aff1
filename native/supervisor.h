/* What the supervisor's parts share. Its door, supervise(), is in run.h. */
#ifndef SAMPAN_SUPERVISOR_H
#define SAMPAN_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct published;
struct run;

/* Out-of-memory kills in the container's cgroups (oom.c). */
void oom_open(const struct run *run);
/* Looks once more, then how many there were. */
uint64_t oom_kills(void);

/* The state file (state.c): what is left for a daemon that was away. */
struct state {
	int pid;
	int64_t started_at_ns;
	bool exited;
	int code;
	int64_t finished_at_ns;
	bool oom_killed;
};

/* Replaces the file at once: a reader finds the old state or the new one. Returns -1 with errno. */
int state_write(const char *path, const struct state *state);

/* Relays the published ports until relay_close (relay.c, datagrams.c). Takes the sockets over. */
void relay_open(struct run *run);

/* Whether this port of the host is open already. */
bool relay_has(const struct published *published);

/* Relays these ports and no others: takes over the sockets of those that have one, leads those that are open where the list says. */
void relay_replace(struct published *list, size_t count);

/* Gives the ports free: whoever is told of the container's end may publish them again. */
void relay_close(void);

#endif
