/*
 * Questions that other servers are asked. Each has a socket of its own, so that its port is random as its id is, and only the server that was
 * asked can answer; what comes must repeat the question.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buffer.h"
#include "dns-server.h"

enum {
	/* As Docker; and no more than an eighth of the descriptors that this process may have. */
	FORWARDS_MAX = 1024,
	FORWARDS_MIN = 16,
	DESCRIPTOR_SHARE = 8,
	/* The next server's turn comes so early that a client, which waits for five seconds, still hears what that one says. */
	PATIENCE_MS = 2000,
	LAST_PATIENCE_MS = 4000,
	AVOIDED_MS = 30000,
	/* Answers that are none, on one socket, before others get their turn. */
	BURST = 8,
	LENGTH_SIZE = 2,
};

struct forward {
	struct watch watch;
	struct timer patience;
	struct dns_asker asker;
	uint16_t client_id;
	size_t limit;
	int pidfd;

	/* Those that are still to be asked begin at `next_server`. */
	struct dns_servers servers;
	size_t next_server;

	/* Over TCP: what of the query has been sent, and what of the answer has come. */
	bool connecting;
	size_t sent;
	struct buffer received;

	struct forward *next;
	struct forward **link;
	/* Behind its length, which TCP alone needs. */
	size_t size;
	uint8_t query[LENGTH_SIZE + DNS_FORWARD_MAX];
};

static struct forward *forwards;
static size_t forward_count;

static bool is_stream(const struct forward *forward)
{
	return forward->asker.connection != NULL;
}

static uint8_t *query_of(struct forward *forward)
{
	return forward->query + LENGTH_SIZE;
}

static void release(struct forward *forward)
{
	*forward->link = forward->next;
	if (forward->next)
		forward->next->link = forward->link;
	forward_count--;
	timer_clear(&forward->patience);
	watch_close(&forward->watch);
	buffer_release(&forward->received);
	loop_free(forward);
}

static void tell(struct forward *forward, const uint8_t *bytes, size_t size)
{
	struct dns_asker asker = forward->asker;

	release(forward);
	if (asker.connection)
		dns_connection_answered(asker.connection);
	dns_tell(&asker, bytes, size);
}

/* No server has answered. */
static void give_up(struct forward *forward)
{
	uint8_t answer[DNS_PLAIN_MAX];
	struct dns_query query;
	struct dns_reply reply;

	dns_read_query(&query, query_of(forward), forward->size);
	query.id = forward->client_id;
	dns_reply_begin(&reply, &query, answer, sizeof(answer));
	tell(forward, answer, dns_reply_end(&reply, &query, DNS_FAILED));
}

/* --- asking -------------------------------------------------------------------------------------------------------------- */

static void ready(struct watch *watch, uint32_t events);

static int draw_id(struct forward *forward)
{
	uint16_t id;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return -1;
	dns_set_id(query_of(forward), id);
	return 0;
}

static int open_socket(const struct forward *forward, const struct dns_server *server)
{
	int type = is_stream(forward) ? SOCK_STREAM : SOCK_DGRAM;
	int family = server->address.ss_family;
	int fd = server->inside ? dns_socket_inside(forward->pidfd, family, type)
				: socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&server->address, server->size) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

static int ask(struct forward *forward, const struct dns_server *server)
{
	int fd = draw_id(forward) < 0 ? -1 : open_socket(forward, server);

	if (fd < 0)
		return -1;
	if (!is_stream(forward) && send(fd, query_of(forward), forward->size, MSG_NOSIGNAL) < 0) {
		close(fd);
		return -1;
	}
	watch_open(&forward->watch, fd, ready);
	forward->connecting = is_stream(forward);
	forward->sent = 0;
	buffer_release(&forward->received);
	watch_for(&forward->watch, is_stream(forward) ? EPOLLOUT : EPOLLIN);
	return 0;
}

/* Asks the next server that can be asked. Returns -1 when there is none. */
static int ask_next(struct forward *forward)
{
	watch_close(&forward->watch);
	while (forward->next_server < forward->servers.count) {
		const struct dns_server *server = &forward->servers.list[forward->next_server++];
		bool last = forward->next_server == forward->servers.count;

		if (ask(forward, server) == 0) {
			timer_set(&forward->patience, last ? LAST_PATIENCE_MS : PATIENCE_MS);
			return 0;
		}
	}
	return -1;
}

static void try_next(struct forward *forward)
{
	if (ask_next(forward) < 0)
		give_up(forward);
}

/* --- answers ------------------------------------------------------------------------------------------------------------- */

/* Returns whether the question is settled: a server that fails or refuses leaves it to the next one. */
static bool take_answer(struct forward *forward, uint8_t *bytes, size_t size)
{
	int code;

	if (size < DNS_HEADER_SIZE || !dns_is_answer(bytes, size, query_of(forward), forward->size))
		return false;
	code = dns_code_of(bytes);
	if ((code == DNS_FAILED || code == DNS_REFUSED) && forward->next_server < forward->servers.count) {
		try_next(forward);
		return true;
	}
	dns_set_id(bytes, forward->client_id);
	tell(forward, bytes, dns_shorten(bytes, size, forward->limit));
	return true;
}

static void receive_datagrams(struct forward *forward)
{
	static uint8_t scratch[DNS_MESSAGE_MAX];

	for (int i = 0; i < BURST; i++) {
		ssize_t size = recv(forward->watch.fd, scratch, sizeof(scratch), 0);

		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		/* Nobody listens there. */
		if (size < 0) {
			try_next(forward);
			return;
		}
		if (take_answer(forward, scratch, (size_t)size))
			return;
	}
}

/* All three return -1 when the connection is of no more use. */
static int send_query(struct forward *forward)
{
	size_t whole = LENGTH_SIZE + forward->size;
	ssize_t count = send(forward->watch.fd, forward->query + forward->sent, whole - forward->sent, MSG_NOSIGNAL);

	if (count < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	forward->sent += (size_t)count;
	if (forward->sent == whole)
		watch_for(&forward->watch, EPOLLIN);
	return 0;
}

static int finish_connecting(struct forward *forward)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(forward->watch.fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error)
		return -1;
	forward->connecting = false;
	return send_query(forward);
}

static int receive_stream(struct forward *forward)
{
	uint8_t scratch[4096];
	struct buffer *received = &forward->received;
	ssize_t count = recv(forward->watch.fd, scratch, sizeof(scratch), 0);
	size_t size;
	uint8_t *head;

	if (count < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (count == 0 || buffer_append(received, scratch, (size_t)count) < 0)
		return -1;
	head = buffer_head(received);
	size = buffer_length(received) < LENGTH_SIZE ? DNS_MESSAGE_MAX : (size_t)head[0] << 8 | head[1];
	if (buffer_length(received) < LENGTH_SIZE + size)
		return 0;
	/* The answer outlives what it came in. */
	struct buffer whole = *received;
	*received = (struct buffer){ 0 };
	bool settled = take_answer(forward, head + LENGTH_SIZE, size);
	buffer_release(&whole);
	return settled ? 0 : -1;
}

static void ready(struct watch *watch, uint32_t events)
{
	struct forward *forward = container_of(watch, struct forward, watch);
	int result = 0;

	if (!is_stream(forward))
		receive_datagrams(forward);
	else if (forward->connecting)
		result = finish_connecting(forward);
	else if (events & EPOLLOUT)
		result = send_query(forward);
	else
		result = receive_stream(forward);
	if (result < 0)
		try_next(forward);
}

/* --- which servers ------------------------------------------------------------------------------------------------------- */

static bool is_avoided(const struct dns_server *server)
{
	return server->avoided_until > loop_now();
}

/* Those that did not answer lately come last. */
static void order_servers(struct forward *forward, const struct dns_servers *servers)
{
	for (int avoided = 0; avoided <= 1; avoided++)
		for (size_t i = 0; i < servers->count; i++)
			if (is_avoided(&servers->list[i]) == avoided)
				forward->servers.list[forward->servers.count++] = servers->list[i];
}

static void avoid(const struct dns_server *silent)
{
	struct dns_servers *servers = dns_servers_in_use();

	for (size_t i = 0; i < servers->count; i++)
		if (servers->list[i].size == silent->size && memcmp(&servers->list[i].address, &silent->address, silent->size) == 0)
			servers->list[i].avoided_until = loop_now() + AVOIDED_MS;
}

static void patience_lost(struct timer *timer)
{
	struct forward *forward = container_of(timer, struct forward, patience);

	avoid(&forward->servers.list[forward->next_server - 1]);
	try_next(forward);
}

static size_t most_forwards(void)
{
	static size_t most;
	struct rlimit limit;

	if (most == 0) {
		most = getrlimit(RLIMIT_NOFILE, &limit) < 0 ? FORWARDS_MIN : limit.rlim_cur / DESCRIPTOR_SHARE;
		most = most > FORWARDS_MAX ? FORWARDS_MAX : most < FORWARDS_MIN ? FORWARDS_MIN : most;
	}
	return most;
}

static struct forward *new_forward(const struct dns_asker *asker, const struct dns_query *query)
{
	struct forward *forward = calloc(1, sizeof(*forward));

	if (!forward)
		return NULL;
	forward->watch.fd = -1;
	forward->patience.expire = patience_lost;
	forward->asker = *asker;
	forward->client_id = query->id;
	forward->limit = dns_limit(asker, query);
	forward->size = dns_write_forward(query, 0, query_of(forward));
	forward->query[0] = (uint8_t)(forward->size >> 8);
	forward->query[1] = (uint8_t)forward->size;
	forward->next = forwards;
	forward->link = &forwards;
	if (forwards)
		forwards->link = &forward->next;
	forwards = forward;
	forward_count++;
	return forward;
}

int dns_forward(int pidfd, const struct dns_asker *asker, const struct dns_query *query)
{
	const struct dns_servers *servers = dns_servers_in_use();
	struct forward *forward;

	if (servers->count == 0)
		return DNS_FAILED;
	if (forward_count >= most_forwards())
		return DNS_REFUSED;
	forward = new_forward(asker, query);
	if (!forward)
		return DNS_FAILED;
	forward->pidfd = pidfd;
	order_servers(forward, servers);
	if (ask_next(forward) < 0) {
		release(forward);
		return DNS_FAILED;
	}
	if (asker->connection)
		dns_connection_expect(asker->connection);
	return -1;
}

void dns_forward_cancel(const struct dns_connection *connection)
{
	for (struct forward *forward = forwards, *next; forward; forward = next) {
		next = forward->next;
		if (!connection || forward->asker.connection == connection)
			release(forward);
	}
}
