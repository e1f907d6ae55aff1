/* Sockets in a container's network, and the operation that opens them. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "cleanup.h"
#include "dns-server.h"
#include "dns.h"
#include "plan.h"

enum { WAITING_CONNECTIONS = 64 };

/* A socket belongs for ever to the network that it was made in. */
int dns_socket_inside(int pidfd, int family, int type)
{
	autoclose own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd;
	int reason;

	if (own < 0 || setns(pidfd, CLONE_NEWNET) < 0)
		return -1;
	fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	reason = errno;
	/* Whoever works on in a container's network by mistake does harm. */
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	errno = reason;
	return fd;
}

/* An address of a network without loopback could be bound, but would not be the source of what is sent. */
static int raise_loopback(int socket)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	return ioctl(socket, SIOCSIFFLAGS, &request);
}

static int open_bound(int pidfd, int type, uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(0x7f00000b),
	};
	autoclose fd = dns_socket_inside(pidfd, AF_INET, type);

	if (fd < 0 || raise_loopback(fd) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return keep_fd(&fd);
}

int dns_sockets_open(struct dns_sockets *sockets, int pidfd, uint16_t port)
{
	autoclose udp = open_bound(pidfd, SOCK_DGRAM, port);
	autoclose tcp = udp < 0 ? -1 : open_bound(pidfd, SOCK_STREAM, port);

	if (tcp < 0 || listen(tcp, WAITING_CONNECTIONS) < 0)
		return -1;
	*sockets = (struct dns_sockets){ keep_fd(&udp), keep_fd(&tcp) };
	return 0;
}

int op_serve_dns(struct run *run, const struct serve_dns_step *args, struct failure *failure)
{
	struct dns_sockets sockets;
	struct dns_settings *settings = dns_settings_decode(args->settings.data, args->settings.size);

	if (!settings)
		return fail(failure, errno, "", "settings");
	dns_dispose(&run->dns);
	if (dns_sockets_open(&sockets, run->child_pidfd, settings->port) < 0) {
		dns_settings_free(settings);
		return fail(failure, errno, "127.0.0.11", "the sockets of the DNS server");
	}
	run->dns = (struct dns_options){ .udp = sockets.udp, .tcp = sockets.tcp, .settings = settings };
	return 0;
}

void dns_dispose(struct dns_options *options)
{
	if (options->settings) {
		close_fd(&options->udp);
		close_fd(&options->tcp);
		dns_settings_free(options->settings);
	}
	*options = (struct dns_options){ .udp = -1, .tcp = -1 };
}
