/* What the parts of the DNS server share. */
#ifndef SAMPAN_DNS_SERVER_H
#define SAMPAN_DNS_SERVER_H

#include <netinet/in.h>

#include "dns-message.h"
#include "dns-settings.h"
#include "loop.h"

struct dns_connection;

/* Who asked: over a connection, or from an address. */
struct dns_asker {
	struct dns_connection *connection;
	struct sockaddr_in address;
};

/* The sockets in the container's network (dns-sockets.c). */
struct dns_sockets {
	int udp;
	int tcp;
};

/* Returns a socket in the network of a process, close-on-exec and non-blocking, or -1 with errno. */
int dns_socket_inside(int pidfd, int family, int type);
int dns_sockets_open(struct dns_sockets *sockets, int pidfd, uint16_t port);

/* Answers a message, now or later (dns-server.c). */
void dns_handle(const struct dns_asker *asker, const uint8_t *bytes, size_t size);
/* Sends an answer. */
void dns_tell(const struct dns_asker *asker, const uint8_t *bytes, size_t size);
/* How long an answer to a query may be. */
size_t dns_limit(const struct dns_asker *asker, const struct dns_query *query);

/* Whom to ask now. */
struct dns_servers *dns_servers_in_use(void);

/* Connections (dns-connection.c). */
void dns_connections_open(int fd);
void dns_connections_close(void);
void dns_connection_tell(struct dns_connection *connection, const uint8_t *bytes, size_t size);
/* One of its questions is on its way to another server, or back from there. */
void dns_connection_expect(struct dns_connection *connection);
void dns_connection_answered(struct dns_connection *connection);

/*
 * Asks other servers (dns-forward.c); `pidfd` is of the container's first process. Returns -1 if the answer comes later, or the code to answer
 * with at once.
 */
int dns_forward(int pidfd, const struct dns_asker *asker, const struct dns_query *query);
/* Gives up what was asked for a connection; NULL for everybody. */
void dns_forward_cancel(const struct dns_connection *connection);

#endif
