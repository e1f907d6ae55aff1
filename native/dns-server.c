/* The DNS server's middle: what it was told, datagrams, and who answers what. */
#include "dns-server.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "dns-answer.h"
#include "dns.h"

enum {
	/* Handled before others get their turn. */
	BURST = 32,
	DATAGRAM_MAX = 65507,
	/* Longer ones over UDP are no questions. */
	QUERY_MAX = 4096,
	/* Of each such span of time, so much of a processor's at most goes into questions: what is asked beyond waits, or is dropped. */
	SPAN_MS = 100,
	SPAN_BUDGET_NS = 50 * 1000 * 1000,
};

static struct watch datagrams = { .fd = -1 };
static struct dns_settings *settings;
static uint16_t own_port;
static int first_process = -1;

size_t dns_limit(const struct dns_asker *asker, const struct dns_query *query)
{
	if (asker->connection)
		return DNS_MESSAGE_MAX;
	return query->limit < DATAGRAM_MAX ? query->limit : DATAGRAM_MAX;
}

void dns_tell(const struct dns_asker *asker, const uint8_t *bytes, size_t size)
{
	if (asker->connection)
		dns_connection_tell(asker->connection, bytes, size);
	else
		sendto(datagrams.fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&asker->address,
		       sizeof(asker->address));
}

struct dns_servers *dns_servers_in_use(void)
{
	return dns_servers_now(settings);
}

/* Where the user has a search list tried first, a name without a dot is a beginning only, which is nobody's business outside. */
static bool stays(const struct dns_query *query)
{
	return settings->dotless_stay && (query->type == DNS_A || query->type == DNS_AAAA) &&
	       !memchr(query->name, '.', query->name_length);
}

void dns_handle(const struct dns_asker *asker, const uint8_t *bytes, size_t size)
{
	static uint8_t answer[DNS_MESSAGE_MAX];
	struct dns_query query;
	struct dns_reply reply;
	int code = dns_read_query(&query, bytes, size);

	if (code < 0)
		return;
	dns_settings_refresh(settings);
	dns_reply_begin(&reply, &query, answer, dns_limit(asker, &query));
	if (code == DNS_SUCCESS && !dns_answer(settings, &query, &reply) && !stays(&query)) {
		code = settings->forwards ? dns_forward(first_process, asker, &query) : DNS_FAILED;
		if (code < 0)
			return;
	}
	dns_tell(asker, answer, dns_reply_end(&reply, &query, code));
}

/* What one container asks, its supervisor pays for, outside of the container's limits: hence the bound. */
static void span_begins(struct timer *timer);
static struct timer span = { .expire = span_begins };
static int64_t span_used_ns;

static void span_begins(struct timer *timer)
{
	(void)timer;
	span_used_ns = 0;
	if (watch_is_open(&datagrams))
		watch_for(&datagrams, EPOLLIN);
}

static int64_t processor_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void take_burst(struct watch *watch)
{
	static uint8_t query[QUERY_MAX];

	for (int i = 0; i < BURST; i++) {
		struct dns_asker asker = { 0 };
		socklen_t size = sizeof(asker.address);
		ssize_t count =
			recvfrom(watch->fd, query, sizeof(query), MSG_TRUNC, (struct sockaddr *)&asker.address, &size);

		if (count < 0 && errno == EAGAIN)
			return;
		if (count >= 0 && (size_t)count <= sizeof(query))
			dns_handle(&asker, query, (size_t)count);
	}
}

static void take_datagrams(struct watch *watch, uint32_t events)
{
	int64_t begun = processor_time_ns();

	(void)events;
	take_burst(watch);
	span_used_ns += processor_time_ns() - begun;
	if (!timer_is_set(&span))
		timer_set(&span, SPAN_MS);
	if (span_used_ns > SPAN_BUDGET_NS)
		watch_for(watch, 0);
}

static void serve(struct dns_sockets sockets, uint16_t port)
{
	own_port = port;
	if (watch_open(&datagrams, sockets.udp, take_datagrams) == 0)
		watch_for(&datagrams, EPOLLIN);
	dns_connections_open(sockets.tcp);
}

void dns_open(struct run *run)
{
	struct dns_options *options = &run->dns;

	first_process = run->child_pidfd;
	if (!options->settings)
		return;
	settings = options->settings;
	serve((struct dns_sockets){ options->udp, options->tcp }, settings->port);
	*options = (struct dns_options){ .udp = -1, .tcp = -1 };
}

int dns_configure(const struct run *run, const uint8_t *bytes, size_t size, bool *opened)
{
	struct dns_settings *other = dns_settings_decode(bytes, size);
	struct dns_sockets sockets;

	if (!other)
		return -1;
	*opened = !watch_is_open(&datagrams);
	if (*opened) {
		if (dns_sockets_open(&sockets, run->child_pidfd, other->port) < 0) {
			dns_settings_free(other);
			return -1;
		}
		serve(sockets, other->port);
	}
	dns_settings_free(settings);
	settings = other;
	return own_port;
}

void dns_close(void)
{
	timer_clear(&span);
	watch_close(&datagrams);
	dns_forward_cancel(NULL);
	dns_connections_close();
	dns_settings_free(settings);
	settings = NULL;
}
