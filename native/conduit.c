/* Pipes between the sockets of relayed connections: splice moves what is in them, and nothing is copied. */
#include "conduit.h"

#include <fcntl.h>
#include <unistd.h>

enum {
	/* Two descriptors each; further connections copy. */
	CONDUITS_MAX = 64,
	PIPE_SIZE = 1 << 20,
};

static size_t conduit_count;

void conduit_open(struct conduit *conduit)
{
	if (conduit->is_open || conduit_count == CONDUITS_MAX || pipe2(conduit->ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return;
	/* A smaller one does, too, where users may not have that much. */
	(void)fcntl(conduit->ends[1], F_SETPIPE_SZ, PIPE_SIZE);
	conduit->is_open = true;
	conduit_count++;
}

ssize_t conduit_fill(struct conduit *conduit, int from)
{
	ssize_t count = splice(from, NULL, conduit->ends[1], NULL, PIPE_SIZE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (count > 0)
		conduit->held += (size_t)count;
	return count;
}

ssize_t conduit_drain(struct conduit *conduit, int to)
{
	ssize_t count = splice(conduit->ends[0], NULL, to, NULL, conduit->held, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (count > 0)
		conduit->held -= (size_t)count;
	return count;
}

void conduit_close(struct conduit *conduit)
{
	if (!conduit->is_open)
		return;
	close(conduit->ends[0]);
	close(conduit->ends[1]);
	*conduit = (struct conduit){0};
	conduit_count--;
}
