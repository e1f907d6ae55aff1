#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "run.h"

enum {
	/* What a pipe holds: one read empties it. */
	READ_SIZE = 64 << 10,
	TERMINAL_RETRY_MS = 50,
};

/* One process, one thread: all streams share it. */
static uint8_t scratch[READ_SIZE];

static void listen_to_outputs(struct streams *streams)
{
	uint32_t events = streams->holders || timer_is_set(&streams->retry) ? 0 : EPOLLIN;

	for (int i = 0; i < 2; i++)
		watch_for(&streams->outputs[i], events);
}

static void retry_terminal(struct timer *timer)
{
	listen_to_outputs(container_of(timer, struct streams, retry));
}

static void end_output(struct streams *streams, int index)
{
	watch_close(&streams->outputs[index]);
	if (streams_ended(streams))
		streams->on_end(streams);
}

static void read_output(struct streams *streams, int index)
{
	ssize_t count = read(streams->outputs[index].fd, scratch, sizeof(scratch));

	if (count > 0) {
		streams->moved = true;
		streams->on_output(streams, index + 1, scratch, (size_t)count);
	} else if (count == 0) {
		end_output(streams, index);
	} else if (errno == EIO && streams->terminal && !streams->process_gone) {
		/* Nobody has the terminal open, but the process may open it again. */
		timer_set(&streams->retry, TERMINAL_RETRY_MS);
		listen_to_outputs(streams);
	} else if (errno != EAGAIN && errno != EINTR) {
		end_output(streams, index);
	}
}

static void stdout_ready(struct watch *watch, uint32_t events)
{
	(void)events;
	read_output(container_of(watch, struct streams, outputs[0]), 0);
}

static void stderr_ready(struct watch *watch, uint32_t events)
{
	(void)events;
	read_output(container_of(watch, struct streams, outputs[1]), 1);
}

static void input_ready(struct watch *watch, uint32_t events)
{
	struct streams *streams = container_of(watch, struct streams, input);

	watch_for(watch, 0);
	if (events & EPOLLERR && !streams->terminal)
		streams_close_input(streams);
	streams->on_writable(streams);
}

void streams_init(struct streams *streams)
{
	*streams = (struct streams){ 0 };
	streams->input.fd = -1;
	streams->outputs[0].fd = -1;
	streams->outputs[1].fd = -1;
	streams->retry.expire = retry_terminal;
}

static int take_over(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static int open_descriptors(struct streams *streams, struct run *run)
{
	int input;

	if (streams->terminal) {
		/* A descriptor of its own, so that both directions are watched independently. */
		input = streams->stdin_open ? fcntl(run->terminal_fd, F_DUPFD_CLOEXEC, 3) : -1;
		if (input >= 0 && watch_open(&streams->input, input, input_ready) < 0)
			return -1;
		return watch_open(&streams->outputs[0], take_over(&run->terminal_fd), stdout_ready);
	}
	if (run->stdin_fd >= 0 && watch_open(&streams->input, take_over(&run->stdin_fd), input_ready) < 0)
		return -1;
	if (run->stdout_fd >= 0 && watch_open(&streams->outputs[0], take_over(&run->stdout_fd), stdout_ready) < 0)
		return -1;
	if (run->stderr_fd >= 0 && watch_open(&streams->outputs[1], take_over(&run->stderr_fd), stderr_ready) < 0)
		return -1;
	return 0;
}

int streams_open(struct streams *streams, struct run *run)
{
	streams->terminal = run->terminal_fd >= 0;
	streams->stdin_open = run->streams.stdin_open;
	streams->stdin_once = run->streams.stdin_once;
	streams->opened = true;
	if (open_descriptors(streams, run) < 0)
		return -1;
	listen_to_outputs(streams);
	return 0;
}

void streams_close(struct streams *streams)
{
	timer_clear(&streams->retry);
	watch_close(&streams->input);
	watch_close(&streams->outputs[0]);
	watch_close(&streams->outputs[1]);
}

void streams_process_gone(struct streams *streams)
{
	streams->process_gone = true;
	timer_clear(&streams->retry);
	listen_to_outputs(streams);
}

bool streams_ended(const struct streams *streams)
{
	return !watch_is_open(&streams->outputs[0]) && !watch_is_open(&streams->outputs[1]);
}

bool streams_moved(struct streams *streams)
{
	bool moved = streams->moved;

	streams->moved = false;
	return moved;
}

void streams_hold(struct streams *streams)
{
	streams->holders++;
	listen_to_outputs(streams);
}

void streams_release(struct streams *streams)
{
	streams->holders--;
	listen_to_outputs(streams);
}

size_t streams_write(struct streams *streams, const uint8_t *bytes, size_t count)
{
	size_t taken = 0;

	if (!streams->opened)
		return 0;
	while (taken < count && watch_is_open(&streams->input)) {
		ssize_t written = write(streams->input.fd, bytes + taken, count - taken);

		if (written >= 0) {
			taken += (size_t)written;
		} else if (errno == EAGAIN) {
			watch_for(&streams->input, EPOLLOUT);
			return taken;
		} else if (errno != EINTR) {
			streams_close_input(streams);
		}
	}
	return count;
}

void streams_close_input(struct streams *streams)
{
	watch_close(&streams->input);
}

void streams_resize(struct streams *streams, unsigned rows, unsigned columns)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };

	if (streams->terminal && watch_is_open(&streams->outputs[0]))
		ioctl(streams->outputs[0].fd, TIOCSWINSZ, &size);
}
