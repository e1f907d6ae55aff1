/* DNS messages (RFC 1035, EDNS: RFC 6891): reading what containers send, writing answers. Touches nothing but its arguments. */
#ifndef SAMPAN_DNS_MESSAGE_H
#define SAMPAN_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DNS_HEADER_SIZE = 12,
	/* In the form of messages: lengths, labels, and the root. */
	DNS_NAME_MAX = 255,
	DNS_LABEL_MAX = 63,
	DNS_QUESTION_MAX = DNS_NAME_MAX + 4,
	/* What a client without EDNS takes over UDP. */
	DNS_PLAIN_MAX = 512,
	DNS_MESSAGE_MAX = 65535,
	/* EDNS options that are passed on; longer ones are left out. */
	DNS_OPTIONS_MAX = 512,
	DNS_FORWARD_MAX = DNS_HEADER_SIZE + DNS_QUESTION_MAX + 11 + DNS_OPTIONS_MAX,
};

enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_AAAA = 28, DNS_OPT = 41 };

enum { DNS_INTERNET = 1 };

enum dns_code {
	DNS_SUCCESS = 0,
	DNS_MALFORMED = 1,
	DNS_FAILED = 2,
	DNS_UNIMPLEMENTED = 4,
	DNS_REFUSED = 5,
	DNS_BAD_VERSION = 16,
};

struct dns_query {
	uint16_t id;
	/* Of the header: opcode and RD; CD. */
	uint8_t flags[2];
	/* As it came: name, type, class. Empty if there is none that can be read. */
	uint8_t question[DNS_QUESTION_MAX];
	size_t question_size;
	/* In small letters, labels joined by dots, NUL-terminated. */
	char name[DNS_NAME_MAX + 1];
	size_t name_length;
	/* No label has a dot or a NUL of its own, so that `name` says all. */
	bool plain;
	uint16_t type;
	uint16_t class;
	bool edns;
	/* How long an answer over UDP may be. */
	uint16_t limit;
	/* The whole OPT record, to be passed on. */
	uint8_t options[11 + DNS_OPTIONS_MAX];
	size_t options_size;
};

/*
 * Reads a query. Returns DNS_SUCCESS, the code to answer with, or -1 for what is not to be answered at all: too short for a header, or
 * itself an answer.
 */
int dns_read_query(struct dns_query *query, const uint8_t *bytes, size_t size);

/* An answer that is being written into `bytes`. */
struct dns_reply {
	uint8_t *bytes;
	size_t size;
	size_t limit;
	uint16_t answers;
	bool truncated;
};

/* `limit` bytes at most, at least DNS_PLAIN_MAX. Records that find no room leave the answer marked as truncated. */
void dns_reply_begin(struct dns_reply *reply, const struct dns_query *query, uint8_t *bytes, size_t limit);
/* An address of 4 bytes for DNS_A, of 16 for DNS_AAAA. */
void dns_reply_address(struct dns_reply *reply, int type, const uint8_t *address);
/* The name `host`.`domain` as an answer to DNS_PTR; nothing if it is none. */
void dns_reply_name(struct dns_reply *reply, const char *host, size_t host_length, const char *domain, size_t domain_length);
/* Returns the answer's size. */
size_t dns_reply_end(struct dns_reply *reply, const struct dns_query *query, int code);

/* Writes the query anew, with nothing in it but what was understood. Returns its size, at most DNS_FORWARD_MAX. */
size_t dns_write_forward(const struct dns_query *query, uint16_t id, uint8_t *bytes);
/* Whether `bytes` answer the query that was sent. */
bool dns_is_answer(const uint8_t *bytes, size_t size, const uint8_t *sent, size_t sent_size);
/* Cuts a forwarded answer down to what the client takes: to its question, marked as truncated. Returns the new size. */
size_t dns_shorten(uint8_t *bytes, size_t size, size_t limit);

static inline int dns_code_of(const uint8_t *message)
{
	return message[3] & 0xf;
}

static inline void dns_set_id(uint8_t *message, uint16_t id)
{
	message[0] = (uint8_t)(id >> 8);
	message[1] = (uint8_t)id;
}

#endif
