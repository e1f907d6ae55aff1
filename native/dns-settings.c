#include "dns-settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	VERSION = 1,
	FLAG_FORWARDS = 1,
	FLAG_DOTLESS_STAY = 2,
	SERVER_INSIDE = 1,
};

/* The settings as they are taken apart: `torn` once they were too short, or not what they should be. */
struct decoder {
	const uint8_t *bytes;
	size_t left;
	bool torn;
	/* Where the next text goes. Each is shorter by one here than there, so that all have room. */
	char *texts;
};

static unsigned take(struct decoder *decoder, size_t size)
{
	unsigned value = 0;

	if (decoder->left < size)
		decoder->torn = true;
	if (decoder->torn)
		return 0;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | decoder->bytes[i];
	decoder->bytes += size;
	decoder->left -= size;
	return value;
}

static struct dns_text take_text(struct decoder *decoder)
{
	size_t size = take(decoder, 2);
	struct dns_text text = { decoder->texts, size };

	if (decoder->left < size || memchr(decoder->bytes, 0, size))
		decoder->torn = true;
	if (decoder->torn)
		return (struct dns_text){ "", 0 };
	memcpy(decoder->texts, decoder->bytes, size);
	decoder->texts[size] = 0;
	decoder->texts += size + 1;
	decoder->bytes += size;
	decoder->left -= size;
	return text;
}

static void take_servers(struct decoder *decoder, struct dns_servers *servers)
{
	size_t count = take(decoder, 1);

	for (size_t i = 0; i < count && !decoder->torn; i++) {
		struct dns_server server = { .inside = take(decoder, 1) == SERVER_INSIDE };

		if (!dns_server_parse(&server, take_text(decoder).data))
			decoder->torn = true;
		else if (servers->count < DNS_SERVERS_MAX)
			servers->list[servers->count++] = server;
	}
}

static void take_aliases(struct decoder *decoder, struct dns_network *network)
{
	/* Each takes four bytes at least: a false number allocates no more than the settings are long. */
	size_t count = take(decoder, 2);

	if (count * 4 > decoder->left)
		decoder->torn = true;
	if (count == 0 || decoder->torn)
		return;
	network->aliases = calloc(count, sizeof(*network->aliases));
	if (!network->aliases) {
		decoder->torn = true;
		return;
	}
	for (; network->alias_count < count && !decoder->torn; network->alias_count++) {
		network->aliases[network->alias_count].alias = take_text(decoder);
		network->aliases[network->alias_count].target = take_text(decoder);
	}
}

static void take_networks(struct decoder *decoder, struct dns_settings *settings)
{
	size_t count = take(decoder, 1);

	if (count > DNS_NETWORKS_MAX)
		decoder->torn = true;
	if (count == 0 || decoder->torn)
		return;
	settings->networks = calloc(count, sizeof(*settings->networks));
	if (!settings->networks) {
		decoder->torn = true;
		return;
	}
	for (; settings->network_count < count && !decoder->torn; settings->network_count++) {
		struct dns_network *network = &settings->networks[settings->network_count];

		network->names.path = take_text(decoder).data;
		network->name = take_text(decoder);
		take_aliases(decoder, network);
	}
}

struct dns_settings *dns_settings_decode(const uint8_t *bytes, size_t size)
{
	struct dns_settings *settings = calloc(1, sizeof(*settings));
	struct decoder decoder = { .bytes = bytes, .left = size };
	unsigned flags;

	if (!settings || !(settings->arena = malloc(size + 1))) {
		free(settings);
		errno = ENOMEM;
		return NULL;
	}
	decoder.texts = settings->arena;
	if (size > DNS_SETTINGS_MAX || take(&decoder, 1) != VERSION)
		decoder.torn = true;
	flags = take(&decoder, 1);
	settings->forwards = flags & FLAG_FORWARDS;
	settings->dotless_stay = flags & FLAG_DOTLESS_STAY;
	settings->port = (uint16_t)take(&decoder, 2);
	settings->resolv_conf = take_text(&decoder);
	take_servers(&decoder, &settings->servers);
	take_networks(&decoder, settings);
	if (decoder.torn || decoder.left > 0) {
		dns_settings_free(settings);
		errno = EINVAL;
		return NULL;
	}
	return settings;
}

void dns_settings_free(struct dns_settings *settings)
{
	if (!settings)
		return;
	for (size_t i = 0; i < settings->network_count; i++) {
		dns_names_close(&settings->networks[i].names);
		free(settings->networks[i].aliases);
	}
	free(settings->networks);
	free(settings->arena);
	free(settings);
}

void dns_settings_refresh(struct dns_settings *settings)
{
	for (size_t i = 0; i < settings->network_count; i++)
		dns_names_refresh(&settings->networks[i].names);
}
