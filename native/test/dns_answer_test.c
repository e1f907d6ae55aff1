/* Settings and names files: what is accepted, what answers follow from them, and that damage of any kind is survived. */
#include "dns-answer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

enum { CAPACITY = 512 };

struct bytes {
	uint8_t data[CAPACITY];
	size_t size;
};

static char path[] = "/tmp/sampan-dns-names-XXXXXX";

static void put(struct bytes *bytes, const void *data, size_t size)
{
	CHECK(bytes->size + size <= CAPACITY);
	memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
}

static void put_text(struct bytes *bytes, const char *text)
{
	uint8_t length[2] = { 0, (uint8_t)strlen(text) };

	put(bytes, length, 2);
	put(bytes, text, strlen(text));
}

/* One server, and one network with an alias. */
static struct bytes sample_settings(void)
{
	struct bytes bytes = { .size = 0 };

	put(&bytes, "\1\1\x80\1", 4);
	put_text(&bytes, "");
	put(&bytes, "\1\0", 2);
	put_text(&bytes, "192.0.2.1");
	put(&bytes, "\1", 1);
	put_text(&bytes, path);
	put_text(&bytes, "net");
	put(&bytes, "\0\1", 2);
	put_text(&bytes, "alias");
	put_text(&bytes, "b");
	return bytes;
}

/* "a" is 10.0.0.1, "b" 10.0.0.2 and ::2; 10.0.0.1 is "a". */
static struct bytes sample_names(void)
{
	static const uint8_t file[] = "SMPD\1\0\0\0\x7a\0\0\0\2\0\0\0\1\0\0\0\0\0\0\0"
				      "\x50\0\0\0\x52\0\0\0\1\0\1\0\0\0\0\0"
				      "\x51\0\0\0\x56\0\0\0\1\0\1\0\1\0\0\0"
				      "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1\x50\0\0\0\1\0\0\0"
				      "ab\x0a\0\0\1\x0a\0\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2"
				      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	struct bytes bytes = { .size = 0 };

	put(&bytes, file, sizeof(file) - 1);
	bytes.data[8] = (uint8_t)bytes.size;
	return bytes;
}

static void write_names(const struct bytes *bytes)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	CHECK(fd >= 0 && write(fd, bytes->data, bytes->size) == (ssize_t)bytes->size);
	close(fd);
}

static struct dns_settings *decode(const struct bytes *bytes)
{
	/* Exactly as long as the settings: one byte further is the sanitizer's. */
	uint8_t *copy = malloc(bytes->size ? bytes->size : 1);
	struct dns_settings *settings;

	CHECK(copy);
	memcpy(copy, bytes->data, bytes->size);
	settings = dns_settings_decode(copy, bytes->size);
	free(copy);
	return settings;
}

/* Whether it is known; the reply is filled. */
static bool answer(struct dns_settings *settings, const char *name, uint16_t type, struct dns_reply *reply)
{
	static uint8_t bytes[DNS_MESSAGE_MAX];
	struct dns_query query = { .type = type, .class = DNS_INTERNET, .plain = true, .limit = 512 };

	strcpy(query.name, name);
	query.name_length = strlen(name);
	dns_settings_refresh(settings);
	dns_reply_begin(reply, &query, bytes, 512);
	return dns_answer(settings, &query, reply);
}

static void settings_are_decoded(void)
{
	struct bytes bytes = sample_settings();
	struct dns_settings *settings = decode(&bytes);

	CHECK(settings && settings->forwards && !settings->dotless_stay && settings->port == 0x8001);
	CHECK(settings->resolv_conf.size == 0 && settings->servers.count == 1 && settings->network_count == 1);
	CHECK(dns_servers_now(settings) == &settings->servers);
	CHECK(strcmp(settings->networks[0].name.data, "net") == 0 && settings->networks[0].alias_count == 1);
	dns_settings_free(settings);
	for (size_t size = 0; size < bytes.size; size++) {
		struct bytes part = bytes;

		part.size = size;
		CHECK(!decode(&part) && errno == EINVAL);
	}
}

static void names_are_found(void)
{
	struct bytes bytes = sample_settings();
	struct bytes names = sample_names();
	struct dns_settings *settings = decode(&bytes);
	struct dns_reply reply;

	write_names(&names);
	CHECK(answer(settings, "a", DNS_A, &reply) && reply.answers == 1);
	CHECK(memcmp(reply.bytes + reply.size - 4, "\x0a\0\0\1", 4) == 0);
	CHECK(answer(settings, "a", DNS_AAAA, &reply) && reply.answers == 0);
	CHECK(answer(settings, "alias", DNS_AAAA, &reply) && reply.answers == 1 && reply.bytes[reply.size - 1] == 2);
	CHECK(answer(settings, "b.net", DNS_A, &reply) && reply.answers == 1);
	CHECK(answer(settings, "1.0.0.10.in-addr.arpa", DNS_PTR, &reply) && reply.answers == 1);
	CHECK(memcmp(reply.bytes + reply.size - 7, "\1a\3net", 7) == 0);
	for (const char *const *name = (const char *const[]){ "c", "", "aa", "a.b", "net", "a.net.net", NULL }; *name; name++)
		CHECK(!answer(settings, *name, DNS_A, &reply));
	dns_settings_free(settings);
}

static void reverse_names_are_strict(void)
{
	static const char *const names[] = { "in-addr.arpa",
					     ".in-addr.arpa",
					     "1.0.0.in-addr.arpa",
					     "1.0.0.0.10.in-addr.arpa",
					     "01.0.0.10.in-addr.arpa",
					     "257.0.0.10.in-addr.arpa",
					     "1.0..10.in-addr.arpa",
					     "1.0.0.10..in-addr.arpa",
					     "x.0.0.10.in-addr.arpa",
					     "1.0.0.10.ip6.arpa" };
	struct bytes bytes = sample_settings();
	struct dns_settings *settings = decode(&bytes);
	struct dns_reply reply;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		CHECK(!answer(settings, names[i], DNS_PTR, &reply));
	dns_settings_free(settings);
}

static unsigned draw(void)
{
	static unsigned state = 11;

	state = state * 1103515245 + 12345;
	return state >> 16;
}

static void damage(struct bytes *bytes)
{
	for (unsigned i = draw() % 3; i < 3; i++)
		bytes->data[draw() % bytes->size] = (uint8_t)draw();
	if (draw() % 4 == 0)
		bytes->size -= draw() % bytes->size;
}

static void damaged_settings_are_survived(void)
{
	for (int round = 0; round < 100000; round++) {
		struct bytes bytes = sample_settings();

		damage(&bytes);
		dns_settings_free(decode(&bytes));
	}
}

static void damaged_names_are_survived(void)
{
	static const char *const names[] = { "a", "b", "alias", "c", "1.0.0.10.in-addr.arpa" };
	struct bytes bytes = sample_settings();
	struct dns_settings *settings = decode(&bytes);

	for (int round = 0; round < 3000; round++) {
		struct bytes file = sample_names();
		struct dns_reply reply;

		damage(&file);
		write_names(&file);
		/* Another time that looks the same would keep the old file. */
		dns_names_close(&settings->networks[0].names);
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			answer(settings, names[i], i == 4 ? DNS_PTR : DNS_A, &reply);
	}
	dns_settings_free(settings);
}

int main(void)
{
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	close(fd);
	settings_are_decoded();
	names_are_found();
	reverse_names_are_strict();
	damaged_settings_are_survived();
	damaged_names_are_survived();
	unlink(path);
	return 0;
}
