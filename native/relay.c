/* Published stream ports (TCP, SCTP): each connection is carried to the container and back. */
#include "relay.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "buffer.h"
#include "conduit.h"
#include "loop.h"
#include "supervisor.h"

enum {
	/* Connections have two descriptors each; the rest of what the process may have is for conduits, clients and execs. */
	DESCRIPTORS_KEPT = 512,
	CONNECTIONS_MIN = 64,
	/* Each may hold two chunks in memory while its ends are slow: 2 GiB at worst. */
	CONNECTIONS_MAX = 16384,
	CHUNK = 64 << 10,
	/* Whoever has said so much gets a conduit. */
	BULK = 1 << 20,
	/* Descriptors can be short for a moment: then accepting pauses. */
	PAUSE_MS = 100,
};

/* A listening socket and where its connections go. */
struct port {
	struct watch watch;
	struct timer pause;
	struct published target;
	/* Those that came in by it; one that is no longer published lives on as long as they do. */
	size_t connections;
	struct port *next;
};

/* One end of a connection, with what is on its way to it. */
struct end {
	struct watch watch;
	struct connection *connection;
	/* What was copied, and behind it what is in the pipe. */
	struct buffer pending;
	struct conduit conduit;
	/* Bytes that it said and that were copied. */
	size_t said;
	/* It has no more to say. */
	bool finished;
	/* It was told that no more comes. */
	bool told;
};

struct connection {
	/* The client, the container. */
	struct end ends[2];
	struct port *port;
	bool connecting;
};

static struct port *ports;
static size_t connection_count;
/* Beyond it, connections wait in the kernel's queue. */
static size_t connection_limit;

static void free_closed(struct port *port)
{
	if (port->connections == 0)
		loop_free(port);
}

static void end_connection(struct connection *connection)
{
	struct port *port = connection->port;

	for (int i = 0; i < 2; i++) {
		watch_close(&connection->ends[i].watch);
		buffer_release(&connection->ends[i].pending);
		conduit_close(&connection->ends[i].conduit);
	}
	connection_count--;
	port->connections--;
	loop_free(connection);
	if (!watch_is_open(&port->watch))
		free_closed(port);
	else if (!timer_is_set(&port->pause))
		watch_for(&port->watch, EPOLLIN);
}

static struct end *other(struct end *end)
{
	struct connection *connection = end->connection;

	return end == &connection->ends[0] ? &connection->ends[1] : &connection->ends[0];
}

static bool has_pending(const struct end *end)
{
	return buffer_length(&end->pending) || end->conduit.held;
}

static void update(struct end *end)
{
	uint32_t events = 0;

	/* It is read only when what it said before has been passed on: nothing piles up. */
	if (!end->finished && !end->connection->connecting && !has_pending(other(end)))
		events |= EPOLLIN;
	if (has_pending(end) || (end->connection->connecting && end == &end->connection->ends[1]))
		events |= EPOLLOUT;
	watch_for(&end->watch, events);
}

/* Returns -1 when the connection is over. */
static int settle(struct connection *connection)
{
	for (int i = 0; i < 2; i++) {
		struct end *end = &connection->ends[i];

		if (!end->told && other(end)->finished && !has_pending(end)) {
			end->told = true;
			shutdown(end->watch.fd, SHUT_WR);
		}
	}
	if (connection->ends[0].told && connection->ends[1].told) {
		end_connection(connection);
		return -1;
	}
	update(&connection->ends[0]);
	update(&connection->ends[1]);
	return 0;
}

/* All return -1 when the connection broke. */
static int moved(ssize_t count)
{
	return count >= 0 || errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static int write_pending(struct end *end)
{
	size_t length = buffer_length(&end->pending);
	ssize_t count;

	if (length == 0)
		return moved(conduit_drain(&end->conduit, end->watch.fd));
	count = send(end->watch.fd, buffer_head(&end->pending), length, MSG_NOSIGNAL);
	if (count > 0)
		buffer_consume(&end->pending, (size_t)count);
	return moved(count);
}

static int move(struct end *from)
{
	struct end *to = other(from);
	ssize_t count = conduit_fill(&to->conduit, from->watch.fd);

	if (count <= 0) {
		from->finished = count == 0;
		return moved(count);
	}
	return write_pending(to);
}

static int carry(struct end *from)
{
	static uint8_t scratch[CHUNK];
	struct end *to = other(from);
	ssize_t count = read(from->watch.fd, scratch, sizeof(scratch));
	ssize_t sent;

	if (count <= 0) {
		from->finished = count == 0;
		return moved(count);
	}
	from->said += (size_t)count;
	/* Of streams, TCP alone can be spliced. */
	if (from->said >= BULK && from->connection->port->target.protocol == IPPROTO_TCP)
		conduit_open(&to->conduit);
	sent = send(to->watch.fd, scratch, (size_t)count, MSG_NOSIGNAL);
	if (moved(sent) < 0)
		return -1;
	if (sent < 0)
		sent = 0;
	return buffer_append(&to->pending, scratch + sent, (size_t)(count - sent));
}

static int finish_connecting(struct end *end)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(end->watch.fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error)
		return -1;
	end->connection->connecting = false;
	return 0;
}

static void end_ready(struct watch *watch, uint32_t events)
{
	struct end *end = container_of(watch, struct end, watch);
	struct connection *connection = end->connection;
	int result = 0;

	if (connection->connecting)
		result = end == &connection->ends[1] ? finish_connecting(end) : events & EPOLLERR ? -1 : 0;
	else if (events & EPOLLOUT && has_pending(end))
		result = write_pending(end);
	else if (events & EPOLLIN)
		result = other(end)->conduit.is_open ? move(end) : carry(end);
	else if (events & (EPOLLERR | EPOLLHUP))
		result = -1;
	if (result < 0)
		end_connection(connection);
	else
		settle(connection);
}

static void open_connection(struct port *port, int accepted)
{
	const struct published *target = &port->target;
	struct connection *connection = calloc(1, sizeof(*connection));
	int fd = socket(target->target.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, target->protocol);

	if (!connection || fd < 0 ||
	    (connect(fd, (const struct sockaddr *)&target->target, target->target_size) < 0 && errno != EINPROGRESS)) {
		free(connection);
		close(accepted);
		if (fd >= 0)
			close(fd);
		return;
	}
	watch_open(&connection->ends[0].watch, accepted, end_ready);
	watch_open(&connection->ends[1].watch, fd, end_ready);
	connection->ends[0].connection = connection;
	connection->ends[1].connection = connection;
	connection->port = port;
	connection->connecting = true;
	connection_count++;
	port->connections++;
	settle(connection);
}

static void resume(struct timer *timer)
{
	watch_for(&container_of(timer, struct port, pause)->watch, EPOLLIN);
}

static void accept_connection(struct watch *watch, uint32_t events)
{
	struct port *port = container_of(watch, struct port, watch);
	int fd = -1;

	(void)events;
	if (connection_count < connection_limit) {
		fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			open_connection(port, fd);
			return;
		}
		if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
			return;
	}
	watch_for(watch, 0);
	timer_set(&port->pause, PAUSE_MS);
}

static void open_port(const struct published *published)
{
	struct port *port = calloc(1, sizeof(*port));

	if (!port) {
		close(published->fd);
		return;
	}
	port->target = *published;
	port->pause.expire = resume;
	port->next = ports;
	ports = port;
	if (watch_open(&port->watch, published->fd, accept_connection) == 0)
		watch_for(&port->watch, EPOLLIN);
}

/* The limit itself stays: execs inherit it. */
static size_t affordable_connections(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < DESCRIPTORS_KEPT + 2 * CONNECTIONS_MIN)
		return CONNECTIONS_MIN;
	size_t affordable = (limit.rlim_cur - DESCRIPTORS_KEPT) / 2;
	return affordable < CONNECTIONS_MAX ? affordable : CONNECTIONS_MAX;
}

static void open_all(struct published *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].fd < 0)
			continue;
		if (list[i].protocol == IPPROTO_UDP)
			datagrams_open(&list[i]);
		else
			open_port(&list[i]);
		list[i].fd = -1;
	}
}

void relay_open(struct run *run)
{
	connection_limit = affordable_connections();
	open_all(run->published, run->published_count);
}

static void retain_ports(const struct published *list, size_t count)
{
	for (struct port **link = &ports; *link;) {
		struct port *port = *link;
		const struct published *wanted = published_find(list, count, &port->target);

		if (wanted) {
			port->target = *wanted;
			link = &port->next;
			continue;
		}
		*link = port->next;
		timer_clear(&port->pause);
		watch_close(&port->watch);
		free_closed(port);
	}
}

bool relay_has(const struct published *published)
{
	for (const struct port *port = ports; port; port = port->next)
		if (published_alike(&port->target, published))
			return true;
	return datagrams_has(published);
}

void relay_replace(struct published *list, size_t count)
{
	retain_ports(list, count);
	datagrams_retain(list, count);
	open_all(list, count);
}

void relay_close(void)
{
	for (struct port *port = ports; port; port = port->next) {
		timer_clear(&port->pause);
		watch_close(&port->watch);
	}
	datagrams_close();
}
