/*
 * A container's DNS server (dns-server.c and the files beside it): on 127.0.0.11 in its network, where rules that the plan or the daemon
 * makes lead from port 53 to the server's own, so that a program of the container may have 53.
 */
#ifndef SAMPAN_DNS_H
#define SAMPAN_DNS_H

#include "run.h"

/* Serves what `serveDns` opened until dns_close. Takes sockets and settings over. */
void dns_open(struct run *run);

/*
 * Takes other settings up, opening the sockets if that was not done yet: `opened` says so. Returns their port, or -1 with errno: EINVAL for broken
 * settings, EADDRINUSE, ESRCH when the container has gone.
 */
int dns_configure(const struct run *run, const uint8_t *settings, size_t size, bool *opened);

/* Closes all sockets, which else would keep the container's network alive. */
void dns_close(void);

/* What a run that comes to nothing has opened. */
void dns_dispose(struct dns_options *options);

#endif
