/* Questions over TCP: each message behind its length in two bytes (RFC 7766). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buffer.h"
#include "dns-server.h"

enum {
	CONNECTIONS_MAX = 32,
	/* Questions of one connection that other servers are asked for; the next ones wait. */
	EXPECTED_MAX = 4,
	/* A longer question costs the connection. */
	QUERY_MAX = 4096,
	IDLE_MS = 10000,
	/* Handled before others get their turn. */
	BURST = 8,
	/* Descriptors can be short for a moment: then accepting pauses. */
	PAUSE_MS = 100,
};

struct dns_connection {
	struct watch watch;
	struct timer idle;
	struct buffer input;
	struct buffer output;
	unsigned expected;
	/* It asks no more. */
	bool finished;
	struct dns_connection *next;
};

static struct watch listener = { .fd = -1 };
static struct timer pause_timer;
/* Most recently made first. */
static struct dns_connection *connections;
static size_t connection_count;

static void end(struct dns_connection *connection)
{
	struct dns_connection **link = &connections;

	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	connection_count--;
	dns_forward_cancel(connection);
	timer_clear(&connection->idle);
	watch_close(&connection->watch);
	buffer_release(&connection->input);
	buffer_release(&connection->output);
	loop_free(connection);
}

static void idle(struct timer *timer)
{
	end(container_of(timer, struct dns_connection, idle));
}

/* Who does not read its answers is not listened to. */
static bool may_ask(const struct dns_connection *connection)
{
	return connection->expected < EXPECTED_MAX && buffer_length(&connection->output) == 0;
}

static void update(struct dns_connection *connection)
{
	uint32_t events = may_ask(connection) && !connection->finished ? EPOLLIN : 0;

	if (buffer_length(&connection->output))
		events |= EPOLLOUT;
	/* A hang-up shows even if nothing else is wanted. */
	watch_for(&connection->watch, events | EPOLLHUP);
}

/* Takes whole questions from the input. Returns -1 when the connection is to be ended. */
static int take_questions(struct dns_connection *connection)
{
	const struct dns_asker asker = { .connection = connection };

	while (may_ask(connection) && buffer_length(&connection->input) >= 2) {
		const uint8_t *head = buffer_head(&connection->input);
		size_t size = (size_t)head[0] << 8 | head[1];

		if (size > QUERY_MAX)
			return -1;
		if (buffer_length(&connection->input) < 2 + size)
			break;
		dns_handle(&asker, head + 2, size);
		buffer_consume(&connection->input, 2 + size);
	}
	return 0;
}

/* All three return -1 when the connection is to be ended. */
static int receive(struct dns_connection *connection)
{
	static uint8_t scratch[QUERY_MAX];
	ssize_t count = recv(connection->watch.fd, scratch, sizeof(scratch), 0);

	if (count < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (count == 0)
		connection->finished = true;
	timer_set(&connection->idle, IDLE_MS);
	return buffer_append(&connection->input, scratch, (size_t)count);
}

static int flush(struct dns_connection *connection)
{
	ssize_t count;

	if (buffer_length(&connection->output) == 0)
		return 0;
	count = send(connection->watch.fd, buffer_head(&connection->output), buffer_length(&connection->output), MSG_NOSIGNAL);
	if (count < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	timer_set(&connection->idle, IDLE_MS);
	buffer_consume(&connection->output, (size_t)count);
	return 0;
}

static bool is_over(const struct dns_connection *connection)
{
	return connection->finished && connection->expected == 0 && buffer_length(&connection->output) == 0;
}

static void ready(struct watch *watch, uint32_t events)
{
	struct dns_connection *connection = container_of(watch, struct dns_connection, watch);
	int result = 0;

	if (events & EPOLLOUT)
		result = flush(connection);
	else if (events & EPOLLIN)
		result = receive(connection);
	else if (events & (EPOLLERR | EPOLLHUP))
		result = -1;
	if (result == 0)
		result = take_questions(connection);
	if (result < 0 || is_over(connection))
		end(connection);
	else
		update(connection);
}

void dns_connection_expect(struct dns_connection *connection)
{
	connection->expected++;
}

/* It is sent in a turn of its own: whoever is in the midst of this connection finds it unchanged. */
void dns_connection_tell(struct dns_connection *connection, const uint8_t *bytes, size_t size)
{
	const uint8_t length[2] = { (uint8_t)(size >> 8), (uint8_t)size };

	/* Too little memory: its end is noticed when its turn comes. */
	if (buffer_append(&connection->output, length, 2) < 0 || buffer_append(&connection->output, bytes, size) < 0)
		shutdown(connection->watch.fd, SHUT_RDWR);
	update(connection);
}

void dns_connection_answered(struct dns_connection *connection)
{
	connection->expected--;
}

static void end_oldest(void)
{
	struct dns_connection *connection = connections;

	while (connection->next)
		connection = connection->next;
	end(connection);
}

static void accept_connection(int fd)
{
	struct dns_connection *connection = calloc(1, sizeof(*connection));

	if (!connection) {
		close(fd);
		return;
	}
	if (connection_count == CONNECTIONS_MAX)
		end_oldest();
	connection->idle.expire = idle;
	connection->next = connections;
	connections = connection;
	connection_count++;
	watch_open(&connection->watch, fd, ready);
	timer_set(&connection->idle, IDLE_MS);
	update(connection);
}

static void resume(struct timer *timer)
{
	(void)timer;
	watch_for(&listener, EPOLLIN);
}

static void take_connections(struct watch *watch, uint32_t events)
{
	(void)events;
	for (int i = 0; i < BURST; i++) {
		int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			accept_connection(fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			watch_for(watch, 0);
			timer_set(&pause_timer, PAUSE_MS);
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

void dns_connections_open(int fd)
{
	pause_timer.expire = resume;
	if (watch_open(&listener, fd, take_connections) == 0)
		watch_for(&listener, EPOLLIN);
}

void dns_connections_close(void)
{
	while (connections)
		end(connections);
	timer_clear(&pause_timer);
	watch_close(&listener);
}
