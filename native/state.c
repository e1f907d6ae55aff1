#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "supervisor.h"

static int format(const struct state *state, char *text, size_t size)
{
	int length = snprintf(text, size, "{\"pid\":%d,\"startedAtNs\":%" PRId64, state->pid, state->started_at_ns);

	if (state->exited)
		length += snprintf(text + length, size - (size_t)length,
				   ",\"exit\":{\"code\":%d,\"finishedAtNs\":%" PRId64 ",\"oomKilled\":%s}", state->code,
				   state->finished_at_ns, state->oom_killed ? "true" : "false");
	return length + snprintf(text + length, size - (size_t)length, "}\n");
}

int state_write(const char *path, const struct state *state)
{
	char text[256];
	char temporary[4096];
	int length = format(state, text, sizeof(text));
	int fd;
	int result;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	/* No fsync: the state outlives processes, not the kernel, and neither does the container. */
	result = write(fd, text, (size_t)length) == length ? 0 : -1;
	close(fd);
	if (result == 0)
		result = rename(temporary, path);
	if (result < 0)
		unlink(temporary);
	return result;
}
