#include "dns-answer.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { ANY_CLASS = 255 };

/* Starts each answer of several addresses with another one. */
static unsigned turn;

static bool is_text(struct dns_text text, const char *name, size_t length)
{
	return text.size == length && strncasecmp(text.data, name, length) == 0;
}

static const struct dns_alias *find_alias(const struct dns_network *network, const char *name, size_t length)
{
	for (size_t i = 0; i < network->alias_count; i++)
		if (is_text(network->aliases[i].alias, name, length))
			return &network->aliases[i];
	return NULL;
}

/* An alias of this container's own hides whoever else bears that name. */
static bool find_in(const struct dns_network *network, const char *name, size_t length, struct dns_addresses *found)
{
	const struct dns_alias *alias = find_alias(network, name, length);

	if (!alias)
		return dns_names_find(&network->names, name, length, found);
	return dns_names_find(&network->names, alias->target.data, alias->target.size, found);
}

static void put_addresses(struct dns_reply *reply, int type, const struct dns_addresses *found)
{
	bool ipv6 = type == DNS_AAAA;
	size_t count = found->count[ipv6];
	size_t size = ipv6 ? 16 : 4;
	const uint8_t *first = found->bytes + (ipv6 ? found->count[0] * 4 : 0);
	size_t start = count > 1 ? turn++ % count : 0;

	for (size_t i = 0; i < count; i++)
		dns_reply_address(reply, type, first + (start + i) % count * size);
}

/*
 * `name` in all networks, or in those called `domain`. Returns whether it is known. The first network that has addresses of the type tells
 * them.
 */
static bool answer_from(const struct dns_settings *settings, int type, const char *name, size_t length,
			const struct dns_text *domain, struct dns_reply *reply)
{
	bool known = false;

	for (size_t i = 0; i < settings->network_count && reply->answers == 0 && !reply->truncated; i++) {
		const struct dns_network *network = &settings->networks[i];
		struct dns_addresses found;

		if (domain && !is_text(network->name, domain->data, domain->size))
			continue;
		if (!find_in(network, name, length, &found))
			continue;
		known = true;
		if (type == DNS_A || type == DNS_AAAA)
			put_addresses(reply, type, &found);
	}
	return known;
}

/* Names and networks may have dots: of a.b.c there may be "a.b.c" in any network, "a.b" in "c", and "a" in "b.c", in that order. */
static bool answer_name(const struct dns_settings *settings, const struct dns_query *query, struct dns_reply *reply)
{
	const char *name = query->name;

	if (answer_from(settings, query->type, name, query->name_length, NULL, reply))
		return true;
	for (size_t at = query->name_length; at > 0; at--) {
		struct dns_text domain = { name + at, query->name_length - at };

		if (name[at - 1] == '.' && answer_from(settings, query->type, name, at - 1, &domain, reply))
			return true;
	}
	return false;
}

/* "4.3.2.1.in-addr.arpa" */
static bool parse_ipv4(const char *name, size_t length, uint8_t address[16])
{
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	for (int i = 15; i >= 12; i--) {
		unsigned value = 0;
		size_t digits = 0;

		while (digits < length && digits < 3 && isdigit((unsigned char)name[digits]))
			value = value * 10 + (unsigned)(name[digits++] - '0');
		if (digits == 0 || value > 255 || (digits > 1 && name[0] == '0'))
			return false;
		address[i] = (uint8_t)value;
		if (digits == length)
			return i == 12;
		if (name[digits] != '.')
			return false;
		name += digits + 1;
		length -= digits + 1;
	}
	return false;
}

/* 32 hexadecimal digits and as many dots but one, the last digit first. */
static bool parse_ipv6(const char *name, size_t length, uint8_t address[16])
{
	if (length != 63)
		return false;
	memset(address, 0, 16);
	for (size_t i = 0; i < 32; i++) {
		char digit = name[2 * i];
		unsigned value = isdigit((unsigned char)digit) ? (unsigned)(digit - '0') : (unsigned)(digit - 'a') + 10;

		if (!isxdigit((unsigned char)digit) || (i < 31 && name[2 * i + 1] != '.'))
			return false;
		address[15 - i / 2] |= (uint8_t)(value << (i % 2 ? 4 : 0));
	}
	return true;
}

static bool parse_address(const struct dns_query *query, uint8_t address[16])
{
	static const char ipv4[] = ".in-addr.arpa";
	static const char ipv6[] = ".ip6.arpa";
	size_t length = query->name_length;

	if (length > sizeof(ipv4) - 1 && strcmp(query->name + length - (sizeof(ipv4) - 1), ipv4) == 0)
		return parse_ipv4(query->name, length - (sizeof(ipv4) - 1), address);
	if (length > sizeof(ipv6) - 1 && strcmp(query->name + length - (sizeof(ipv6) - 1), ipv6) == 0)
		return parse_ipv6(query->name, length - (sizeof(ipv6) - 1), address);
	return false;
}

static bool answer_address(const struct dns_settings *settings, const struct dns_query *query, struct dns_reply *reply)
{
	uint8_t address[16];

	if (!parse_address(query, address))
		return false;
	for (size_t i = 0; i < settings->network_count; i++) {
		const struct dns_network *network = &settings->networks[i];
		size_t length;
		const char *name = dns_names_reverse(&network->names, address, &length);

		if (!name)
			continue;
		dns_reply_name(reply, name, length, network->name.data, network->name.size);
		return true;
	}
	return false;
}

bool dns_answer(const struct dns_settings *settings, const struct dns_query *query, struct dns_reply *reply)
{
	if (!query->plain || query->name_length == 0 || (query->class != DNS_INTERNET && query->class != ANY_CLASS))
		return false;
	if (query->type == DNS_PTR && answer_address(settings, query, reply))
		return true;
	return answer_name(settings, query, reply);
}
