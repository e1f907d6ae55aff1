/* The publish operation: a host port is reserved by binding it; relay.c serves it. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "relay.h"

/* An address in text form, IPv4 or IPv6. IPv6 sockets take IPv6 alone: a port of both families is published twice. */
static int parse_address(struct text text, int64_t port, struct sockaddr_storage *address, socklen_t *size)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)address;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)(void *)address;
	*address = (struct sockaddr_storage){0};
	if (port < 0 || port > UINT16_MAX) return -1;
	if (inet_pton(AF_INET, text.data, &ipv4->sin_addr) == 1) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons((uint16_t)port);
		*size = sizeof *ipv4;
		return 0;
	}
	if (inet_pton(AF_INET6, text.data, &ipv6->sin6_addr) != 1) return -1;
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = htons((uint16_t)port);
	*size = sizeof *ipv6;
	return 0;
}

static int open_listener(int protocol, const struct sockaddr_storage *address, socklen_t size)
{
	int yes = 1;
	int type = protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	autoclose fd = socket(address->ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd < 0) return -1;
	/* UDP without it: two containers must not share a port. */
	if (protocol != IPPROTO_UDP && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0)
		return -1;
	if (address->ss_family == AF_INET6 &&
	        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) != 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)address, size) != 0) return -1;
	if (protocol != IPPROTO_UDP && listen(fd, SOMAXCONN) != 0) return -1;
	return keep_fd(&fd);
}

static int fail_publishing(const struct publish_step *args, int errnum, struct failure *failure)
{
	char subject[128];
	snprintf(subject, sizeof subject, "%s:%lld", args->host_address.data, (long long)args->host_port);
	return fail(failure, errnum, subject, NULL);
}

int publish_parse(const struct publish_step *args, struct published *published, struct failure *failure)
{
	*published = (struct published){.fd = -1, .protocol = (int)args->protocol};
	if (parse_address(args->host_address, args->host_port, &published->host, &published->host_size) != 0)
		return fail_publishing(args, EINVAL, failure);
	if (parse_address(args->address, args->port, &published->target, &published->target_size) != 0)
		return fail(failure, EINVAL, args->address.data, NULL);
	return 0;
}

int publish_bind(const struct publish_step *args, struct published *published, struct failure *failure)
{
	published->fd = open_listener(published->protocol, &published->host, published->host_size);
	return published->fd < 0 ? fail_publishing(args, errno, failure) : 0;
}

int op_publish(struct run *run, const struct publish_step *args, struct failure *failure)
{
	struct published published;
	if (publish_parse(args, &published, failure) != 0) return -1;
	if (run->published_count >= PUBLISHED_MAX)
		return fail(failure, EMFILE, "", "more than %d published ports", PUBLISHED_MAX);

	size_t count = run->published_count;
	struct published *grown = realloc(run->published, (count + 1) * sizeof *grown);
	if (!grown) return fail_publishing(args, ENOMEM, failure);
	run->published = grown;
	if (publish_bind(args, &published, failure) != 0) return -1;
	grown[count] = published;
	run->published_count = count + 1;
	return 0;
}
