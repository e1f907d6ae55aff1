/* Whom to ask for names that no network knows: the container's own servers, or those of the host's resolv.conf(5). */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns-settings.h"

enum {
	DNS_PORT = 53,
	/* Of the file; what follows is not looked at. */
	FILE_MAX = 64 << 10,
	LINE_SIZE = 256,
};

/* What was read last; all networks of a container are served by the same host. */
static struct stat seen;
static struct dns_servers host;

static bool parse_zone(uint32_t *zone, const char *name)
{
	*zone = if_nametoindex(name);
	return *zone != 0;
}

bool dns_server_parse(struct dns_server *server, const char *text)
{
	struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons(DNS_PORT) };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons(DNS_PORT) };
	char address[INET6_ADDRSTRLEN];
	size_t length = strcspn(text, "%");

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = 0;
	if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1) {
		memcpy(&server->address, &ipv4, sizeof(ipv4));
		server->size = sizeof(ipv4);
		return true;
	}
	if (inet_pton(AF_INET6, address, &ipv6.sin6_addr) != 1)
		return false;
	if (text[length] == '%' && !parse_zone(&ipv6.sin6_scope_id, text + length + 1))
		return false;
	memcpy(&server->address, &ipv6, sizeof(ipv6));
	server->size = sizeof(ipv6);
	return true;
}

static void take_line(char *line)
{
	static const char blank[] = " \t\r\n";
	char *rest = NULL;
	const char *word = strtok_r(line, blank, &rest);
	struct dns_server server = { 0 };

	if (!word || strcmp(word, "nameserver") != 0 || host.count == DNS_SERVERS_MAX)
		return;
	word = strtok_r(NULL, blank, &rest);
	if (word && dns_server_parse(&server, word))
		host.list[host.count++] = server;
}

static void read_file(FILE *file)
{
	char line[LINE_SIZE];
	long left = FILE_MAX;

	while (left > 0 && fgets(line, sizeof(line), file)) {
		left -= (long)strlen(line);
		take_line(line);
	}
}

static void read_host(const char *path)
{
	struct stat now;
	FILE *file;

	/* One that is being replaced is there again soon. */
	if (stat(path, &now) < 0)
		return;
	if (now.st_dev == seen.st_dev && now.st_ino == seen.st_ino && now.st_size == seen.st_size &&
	    now.st_mtim.tv_sec == seen.st_mtim.tv_sec && now.st_mtim.tv_nsec == seen.st_mtim.tv_nsec)
		return;
	file = S_ISREG(now.st_mode) ? fopen(path, "re") : NULL;
	seen = now;
	host.count = 0;
	if (!file)
		return;
	read_file(file);
	fclose(file);
}

struct dns_servers *dns_servers_now(struct dns_settings *settings)
{
	if (settings->resolv_conf.size == 0)
		return &settings->servers;
	read_host(settings->resolv_conf.data);
	return host.count > 0 ? &host : &settings->servers;
}
