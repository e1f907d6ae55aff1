/*
 * Who is who in a network: a file that the daemon replaces whenever that changes (docs/supervisor-protocol.md). It is mapped, so that all members'
 * supervisors share one copy, and looked up by halving.
 */
#ifndef SAMPAN_DNS_NAMES_H
#define SAMPAN_DNS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum { DNS_NAMES_MAX = 16 << 20 };

struct dns_names {
	/* The file's path, which the owner keeps. */
	const char *path;
	const uint8_t *bytes; /* NULL: there is no such file, or it cannot be read */
	size_t size;
	struct stat seen;
};

/* Addresses of a name: `count[0]` of 4 bytes, then `count[1]` of 16. */
struct dns_addresses {
	const uint8_t *bytes;
	size_t count[2];
};

/* Maps the file anew if it has been replaced. What was found before is invalid then. */
void dns_names_refresh(struct dns_names *names);
void dns_names_close(struct dns_names *names);

/* `name` in small letters. */
bool dns_names_find(const struct dns_names *names, const char *name, size_t length, struct dns_addresses *found);
/* The name of an address, in the form of IPv6 (IPv4 is ::ffff:a.b.c.d); NULL if it is nobody's. */
const char *dns_names_reverse(const struct dns_names *names, const uint8_t address[16], size_t *length);

#endif
