/* What a container's DNS server is told by the daemon: in the plan, and whenever its networks change. */
#ifndef SAMPAN_DNS_SETTINGS_H
#define SAMPAN_DNS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dns-names.h"

enum {
	DNS_SETTINGS_MAX = 256 << 10,
	DNS_NETWORKS_MAX = 128,
	/* As many as Docker asks. */
	DNS_SERVERS_MAX = 3,
};

/* A text inside the settings, NUL-terminated. */
struct dns_text {
	const char *data;
	size_t size;
};

/* A name that this container alone has for another one. */
struct dns_alias {
	struct dns_text alias;
	struct dns_text target;
};

struct dns_network {
	struct dns_text name;
	struct dns_names names;
	struct dns_alias *aliases;
	size_t alias_count;
};

struct dns_server {
	struct sockaddr_storage address;
	socklen_t size;
	/* It is asked from within the container's network. */
	bool inside;
	/* It did not answer: others are asked first until then (loop_now). */
	int64_t avoided_until;
};

struct dns_servers {
	struct dns_server list[DNS_SERVERS_MAX];
	size_t count;
};

struct dns_settings {
	/* Unknown names are asked for outside. */
	bool forwards;
	/* Names without a dot are not, where the user's search list is to be tried first. */
	bool dotless_stay;
	/* Of the sockets, unless they are open already. */
	uint16_t port;
	/* The host's file with its servers; empty if only `servers` count, which else stand in where it names none. */
	struct dns_text resolv_conf;
	struct dns_servers servers;
	struct dns_network *networks;
	size_t network_count;
	/* What the texts are in. */
	char *arena;
};

/* Decodes settings (docs/supervisor-protocol.md). Returns NULL with errno: EINVAL, ENOMEM. */
struct dns_settings *dns_settings_decode(const uint8_t *bytes, size_t size);
void dns_settings_free(struct dns_settings *settings);

/* Has what the networks' files say now. */
void dns_settings_refresh(struct dns_settings *settings);

/* A server's address in text form, with its zone if it has one. Returns false if it is none. */
bool dns_server_parse(struct dns_server *server, const char *text);

/* Whom to ask: reads the host's file again if it has been changed. */
struct dns_servers *dns_servers_now(struct dns_settings *settings);

#endif
