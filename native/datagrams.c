/* Published UDP ports: each peer gets a socket of its own towards the container, so that answers find their way back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"
#include "relay.h"

enum {
	PEERS_MAX = 512,
	/* As Docker's proxy. */
	IDLE_MS = 90000,
	DATAGRAM_MAX = 64 << 10,
	/* Handled before others get their turn. */
	BURST = 32,
};

struct datagram_port {
	struct watch watch;
	struct published target;
	/* Most recently heard first. */
	struct peer *peers;
	size_t peer_count;
	struct datagram_port *next;
};

struct peer {
	struct watch watch;
	struct datagram_port *port;
	struct sockaddr_storage address;
	socklen_t address_size;
	struct timer idle;
	struct peer *next;
};

static struct datagram_port *ports;
static uint8_t scratch[DATAGRAM_MAX];

static void forget(struct peer *peer)
{
	struct peer **link = &peer->port->peers;

	while (*link != peer)
		link = &(*link)->next;
	*link = peer->next;
	peer->port->peer_count--;
	timer_clear(&peer->idle);
	watch_close(&peer->watch);
	loop_free(peer);
}

static void peer_idle(struct timer *timer)
{
	forget(container_of(timer, struct peer, idle));
}

static void answer(struct watch *watch, uint32_t events)
{
	struct peer *peer = container_of(watch, struct peer, watch);

	(void)events;
	for (int i = 0; i < BURST; i++) {
		ssize_t size = recv(watch->fd, scratch, sizeof(scratch), 0);

		if (size < 0) {
			/* Nobody listens in the container, for now. */
			if (errno == ECONNREFUSED)
				continue;
			return;
		}
		timer_set(&peer->idle, IDLE_MS);
		sendto(peer->port->watch.fd, scratch, (size_t)size, 0, (struct sockaddr *)&peer->address, peer->address_size);
	}
}

static struct peer *find_peer(struct datagram_port *port, const struct sockaddr_storage *address, socklen_t size)
{
	for (struct peer **link = &port->peers; *link; link = &(*link)->next) {
		struct peer *peer = *link;

		if (peer->address_size != size || memcmp(&peer->address, address, size) != 0)
			continue;
		*link = peer->next;
		peer->next = port->peers;
		port->peers = peer;
		return peer;
	}
	return NULL;
}

static void forget_oldest(struct datagram_port *port)
{
	struct peer *peer = port->peers;

	while (peer->next)
		peer = peer->next;
	forget(peer);
}

static struct peer *new_peer(struct datagram_port *port, const struct sockaddr_storage *address, socklen_t size)
{
	const struct published *target = &port->target;
	struct peer *peer = calloc(1, sizeof(*peer));
	int fd = socket(target->target.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (!peer || fd < 0 || connect(fd, (const struct sockaddr *)&target->target, target->target_size) < 0) {
		free(peer);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (port->peer_count == PEERS_MAX)
		forget_oldest(port);
	peer->port = port;
	peer->address = *address;
	peer->address_size = size;
	peer->idle.expire = peer_idle;
	watch_open(&peer->watch, fd, answer);
	watch_for(&peer->watch, EPOLLIN);
	peer->next = port->peers;
	port->peers = peer;
	port->peer_count++;
	return peer;
}

static void ask(struct watch *watch, uint32_t events)
{
	struct datagram_port *port = container_of(watch, struct datagram_port, watch);

	(void)events;
	for (int i = 0; i < BURST; i++) {
		struct sockaddr_storage address = { 0 };
		socklen_t size = sizeof(address);
		ssize_t length = recvfrom(watch->fd, scratch, sizeof(scratch), 0, (struct sockaddr *)&address, &size);
		struct peer *peer;

		if (length < 0)
			return;
		peer = find_peer(port, &address, size);
		if (!peer)
			peer = new_peer(port, &address, size);
		if (!peer)
			continue;
		timer_set(&peer->idle, IDLE_MS);
		send(peer->watch.fd, scratch, (size_t)length, MSG_NOSIGNAL);
	}
}

void datagrams_open(const struct published *published)
{
	struct datagram_port *port = calloc(1, sizeof(*port));

	if (!port) {
		close(published->fd);
		return;
	}
	port->target = *published;
	port->next = ports;
	ports = port;
	if (watch_open(&port->watch, published->fd, ask) == 0)
		watch_for(&port->watch, EPOLLIN);
}

bool datagrams_has(const struct published *published)
{
	for (const struct datagram_port *port = ports; port; port = port->next)
		if (published_alike(&port->target, published))
			return true;
	return false;
}

static void forget_peers(struct datagram_port *port)
{
	while (port->peers)
		forget(port->peers);
}

static bool leads_to(const struct datagram_port *port, const struct published *wanted)
{
	return port->target.target_size == wanted->target_size &&
	       memcmp(&port->target.target, &wanted->target, wanted->target_size) == 0;
}

void datagrams_retain(const struct published *list, size_t count)
{
	for (struct datagram_port **link = &ports; *link;) {
		struct datagram_port *port = *link;
		const struct published *wanted = published_find(list, count, &port->target);

		/* Peers are connected to where the port led when they were first heard. */
		if (!wanted || !leads_to(port, wanted))
			forget_peers(port);
		if (wanted) {
			port->target = *wanted;
			link = &port->next;
		} else {
			*link = port->next;
			watch_close(&port->watch);
			loop_free(port);
		}
	}
}

void datagrams_close(void)
{
	for (struct datagram_port *port = ports; port; port = port->next)
		watch_close(&port->watch);
}
