/* DNS messages: what is read, what is refused, what answers look like, and that damage of any kind is survived. */
#include "dns-message.h"

#include <string.h>

#include "check.h"

static const uint8_t plain[] = "\x12\x34\x01\x10\0\1\0\0\0\0\0\0\3WwW\7example\3Org\0\0\1\0\1";
static const uint8_t with_options[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\1\1a\0\0\x1c\0\1\0\0\x29\x10\0\0\0\x80\0\0\0";

static int read_text(struct dns_query *query, const uint8_t *bytes, size_t size)
{
	/* Exactly as long as the message: one byte further is the sanitizer's. */
	uint8_t *copy = malloc(size ? size : 1);
	int code;

	CHECK(copy);
	memcpy(copy, bytes, size);
	code = dns_read_query(query, copy, size);
	free(copy);
	return code;
}

static void reads_questions(void)
{
	struct dns_query query;

	CHECK(read_text(&query, plain, sizeof(plain) - 1) == DNS_SUCCESS);
	CHECK(query.id == 0x1234 && query.type == DNS_A && query.class == DNS_INTERNET && query.plain && !query.edns);
	CHECK(strcmp(query.name, "www.example.org") == 0 && query.name_length == 15 && query.limit == 512);
	CHECK(read_text(&query, with_options, sizeof(with_options) - 1) == DNS_SUCCESS);
	CHECK(query.edns && query.limit == 4096 && query.options_size == 11 && query.type == DNS_AAAA);
	CHECK(read_text(&query, (const uint8_t *)"\0\1\0\0\0\1\0\0\0\0\0\0\3a.b\0\0\1\0\1", 21) == DNS_SUCCESS);
	CHECK(!query.plain);
}

static void refuses_what_is_cut_off(void)
{
	struct dns_query query;

	for (size_t size = 0; size < sizeof(plain) - 1; size++)
		CHECK(read_text(&query, plain, size) == (size < 12 ? -1 : DNS_MALFORMED));
	for (size_t size = 19; size < sizeof(with_options) - 1; size++)
		CHECK(read_text(&query, with_options, size) == DNS_MALFORMED);
}

static int read_changed(size_t at, uint8_t byte)
{
	uint8_t bytes[sizeof(with_options)];
	struct dns_query query;

	memcpy(bytes, with_options, sizeof(bytes));
	bytes[at] = byte;
	return read_text(&query, bytes, sizeof(bytes) - 1);
}

static void refuses_what_is_no_question(void)
{
	CHECK(read_changed(2, 0x81) == -1);
	CHECK(read_changed(2, 0x28) == DNS_UNIMPLEMENTED);
	CHECK(read_changed(5, 0) == DNS_MALFORMED);
	CHECK(read_changed(5, 2) == DNS_MALFORMED);
	CHECK(read_changed(7, 1) == DNS_MALFORMED);
	/* A pointer in the question, even to itself. */
	CHECK(read_changed(12, 0xc0) == DNS_MALFORMED);
	CHECK(read_changed(12, 64) == DNS_MALFORMED);
	CHECK(read_changed(25, 1) == DNS_BAD_VERSION);
	CHECK(read_changed(29, 1) == DNS_MALFORMED);
}

/* A name of `labels` labels of 63 bytes and one of `rest`. */
static int read_long_name(int labels, size_t rest)
{
	uint8_t bytes[512] = { 0, 0, 1, 0, 0, 1 };
	size_t at = 12;
	struct dns_query query;

	for (int i = 0; i <= labels; i++) {
		size_t size = i < labels ? 63 : rest;

		bytes[at] = (uint8_t)size;
		memset(bytes + at + 1, 'a', size);
		at += 1 + size;
	}
	return read_text(&query, bytes, at + 1 + 4);
}

static void bounds_names(void)
{
	CHECK(read_long_name(3, 61) == DNS_SUCCESS);
	CHECK(read_long_name(3, 62) == DNS_MALFORMED);
	CHECK(read_long_name(5, 1) == DNS_MALFORMED);
}

static void writes_answers(void)
{
	static const uint8_t address[4] = { 10, 1, 2, 3 };
	uint8_t bytes[512];
	struct dns_query query;
	struct dns_reply reply;
	size_t size;

	CHECK(read_text(&query, plain, sizeof(plain) - 1) == DNS_SUCCESS);
	dns_reply_begin(&reply, &query, bytes, sizeof(bytes));
	dns_reply_address(&reply, DNS_A, address);
	size = dns_reply_end(&reply, &query, DNS_SUCCESS);
	CHECK(size == sizeof(plain) - 1 + 16);
	CHECK(memcmp(bytes, "\x12\x34\x81\x90\0\1\0\1\0\0\0\0", 12) == 0);
	/* The question comes back letter by letter. */
	CHECK(memcmp(bytes + 12, plain + 12, sizeof(plain) - 1 - 12) == 0);
	CHECK(memcmp(bytes + sizeof(plain) - 1, "\xc0\x0c\0\1\0\1\0\0\2\x58\0\4\x0a\1\2\3", 16) == 0);
	CHECK(dns_is_answer(bytes, size, plain, sizeof(plain) - 1));
}

static void marks_what_finds_no_room(void)
{
	static const uint8_t address[16] = { 0xfd };
	uint8_t bytes[512];
	struct dns_query query;
	struct dns_reply reply;
	size_t size;

	CHECK(read_text(&query, with_options, sizeof(with_options) - 1) == DNS_SUCCESS);
	dns_reply_begin(&reply, &query, bytes, sizeof(bytes));
	for (int i = 0; i < 100; i++)
		dns_reply_address(&reply, DNS_AAAA, address);
	size = dns_reply_end(&reply, &query, DNS_SUCCESS);
	CHECK(size <= sizeof(bytes) && reply.answers == (512 - 19 - 11) / 28 && bytes[2] & 2);
	CHECK(memcmp(bytes + size - 11, "\0\0\x29\x04\xd0\0\0\0\0\0\0", 11) == 0);
	CHECK(dns_shorten(bytes, size, 512) == size);
	CHECK(dns_shorten(bytes, size, 100) == 19 && bytes[7] == 0 && bytes[11] == 0);
}

static void names_hosts(void)
{
	uint8_t bytes[512];
	struct dns_query query;
	struct dns_reply reply;

	CHECK(read_text(&query, plain, sizeof(plain) - 1) == DNS_SUCCESS);
	dns_reply_begin(&reply, &query, bytes, sizeof(bytes));
	dns_reply_name(&reply, "web.1", 5, "net", 3);
	CHECK(reply.answers == 1 && memcmp(bytes + reply.size - 11, "\3web\0011\3net", 10) == 0);
	dns_reply_name(&reply, "a..b", 4, "net", 3);
	CHECK(reply.answers == 1);
}

static bool answers(const uint8_t *answer, size_t at, uint8_t byte)
{
	uint8_t bytes[sizeof(plain)];

	memcpy(bytes, answer, sizeof(bytes));
	bytes[2] |= 0x80;
	bytes[at] = byte;
	return dns_is_answer(bytes, sizeof(bytes) - 1, plain, sizeof(plain) - 1);
}

static void tells_answers_from_forgeries(void)
{
	CHECK(answers(plain, 13, 'W') && answers(plain, 13, 'w'));
	CHECK(!answers(plain, 0, 0) && !answers(plain, 2, 1) && !answers(plain, 5, 2) && !answers(plain, 13, 'x'));
	CHECK(!answers(plain, sizeof(plain) - 4, 2) && !answers(plain, sizeof(plain) - 2, 3));
	for (size_t size = 0; size < sizeof(plain) - 1; size++)
		CHECK(!dns_is_answer(plain, size, plain, sizeof(plain) - 1));
}

static void forwards_what_was_understood(void)
{
	uint8_t bytes[DNS_FORWARD_MAX];
	struct dns_query query;
	size_t size;

	CHECK(read_text(&query, with_options, sizeof(with_options) - 1) == DNS_SUCCESS);
	size = dns_write_forward(&query, 0x1234, bytes);
	CHECK(size == sizeof(with_options) - 1 && memcmp(bytes, with_options, size) == 0);
}

/* Whatever comes: reading stays within the message, and the answer within its bounds. */
static void survives_damage(void)
{
	uint8_t bytes[64];
	static uint8_t answer[DNS_MESSAGE_MAX];
	unsigned state = 7;

	for (int round = 0; round < 200000; round++) {
		size_t size = sizeof(with_options) - 1;
		struct dns_query query;
		struct dns_reply reply;

		memcpy(bytes, with_options, size);
		for (int i = 0; i < 3; i++) {
			state = state * 1103515245 + 12345;
			bytes[2 + (state >> 16) % (size - 2)] = (uint8_t)(state >> 8);
		}
		size -= (state >> 20) % 4;
		if (read_text(&query, bytes, size) < 0)
			continue;
		CHECK(strlen(query.name) <= query.name_length && query.question_size <= DNS_QUESTION_MAX);
		dns_reply_begin(&reply, &query, answer, dns_write_forward(&query, 1, answer) < 512 ? 512 : DNS_FORWARD_MAX);
		CHECK(dns_reply_end(&reply, &query, DNS_FAILED) <= reply.limit + 11);
	}
}

int main(void)
{
	reads_questions();
	refuses_what_is_cut_off();
	refuses_what_is_no_question();
	bounds_names();
	writes_answers();
	marks_what_finds_no_room();
	names_hosts();
	tells_answers_from_forgeries();
	forwards_what_was_understood();
	survives_damage();
	return 0;
}
