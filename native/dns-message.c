#include "dns-message.h"

#include <string.h>

enum {
	/* Bits of the header's third and fourth byte. */
	ANSWER = 0x80,
	OPCODE = 0x78,
	TRUNCATED = 0x02,
	RECURSION_DESIRED = 0x01,
	RECURSION_AVAILABLE = 0x80,
	CHECKING_DISABLED = 0x10,

	/* Bits of a label's length: the rest points to somewhere else. */
	POINTER = 0xc0,
	/* Of a record, behind its name: type, class, time to live, length of the data. */
	RECORD_FIXED = 10,
	OPTIONS_FIXED = 1 + RECORD_FIXED,
	/* A pointer to the question's name. */
	ANSWER_NAME = 2,
	/* Docker's. */
	TIME_TO_LIVE = 600,
	/* What we say we take; see RFC 9715. */
	OWN_LIMIT = 1232,
};

static unsigned get16(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static void put16(uint8_t *bytes, unsigned value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static uint8_t small(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 'a' - 'A') : byte;
}

/* --- reading ------------------------------------------------------------------------------------------------------------- */

/* Returns where the question's name ends, 0 if it is none. It comes first, so that there is nothing it could point to. */
static size_t read_name(struct dns_query *query, const uint8_t *bytes, size_t size)
{
	size_t at = DNS_HEADER_SIZE;
	char *text = query->name;

	query->plain = true;
	for (;;) {
		size_t label = at < size ? bytes[at] : DNS_LABEL_MAX + 1;

		if (label == 0)
			return at + 1;
		/* The root, which ends the name, needs its byte too. */
		if (label > DNS_LABEL_MAX || size - at - 1 < label || at + 1 + label + 1 - DNS_HEADER_SIZE > DNS_NAME_MAX)
			return 0;
		if (text != query->name)
			*text++ = '.';
		for (size_t i = 0; i < label; i++) {
			uint8_t byte = small(bytes[at + 1 + i]);

			if (byte == '.' || byte == 0)
				query->plain = false;
			*text++ = (char)byte;
		}
		*text = 0;
		query->name_length = (size_t)(text - query->name);
		at += 1 + label;
	}
}

/* Returns where a record's name ends, 0 if it does not. Pointers are not followed: nobody asks what it is. */
static size_t skip_name(const uint8_t *bytes, size_t size, size_t at)
{
	while (at < size) {
		uint8_t label = bytes[at];

		if (label == 0)
			return at + 1;
		if ((label & POINTER) == POINTER)
			return at + 2 <= size ? at + 2 : 0;
		if (label > DNS_LABEL_MAX)
			return 0;
		at += 1U + label;
	}
	return 0;
}

static void take_options(struct dns_query *query, const uint8_t *record, size_t data)
{
	unsigned limit = get16(record + 3);

	query->edns = true;
	query->limit = (uint16_t)(limit > DNS_PLAIN_MAX ? limit : DNS_PLAIN_MAX);
	if (data > DNS_OPTIONS_MAX)
		data = 0;
	query->options_size = OPTIONS_FIXED + data;
	memcpy(query->options, record, query->options_size);
	put16(query->options + OPTIONS_FIXED - 2, (unsigned)data);
}

/* The records behind the question, of which only OPT counts. */
static int read_records(struct dns_query *query, const uint8_t *bytes, size_t size, size_t at)
{
	unsigned count = get16(bytes + 6) + get16(bytes + 8) + get16(bytes + 10);

	for (; count > 0; count--) {
		size_t start = at;
		size_t fixed = skip_name(bytes, size, at);
		size_t data;

		if (!fixed || size - fixed < RECORD_FIXED)
			return DNS_MALFORMED;
		data = get16(bytes + fixed + 8);
		if (size - fixed - RECORD_FIXED < data)
			return DNS_MALFORMED;
		at = fixed + RECORD_FIXED + data;
		if (get16(bytes + fixed) != DNS_OPT)
			continue;
		if (query->edns || bytes[start] != 0)
			return DNS_MALFORMED;
		take_options(query, bytes + start, data);
		if (bytes[fixed + 5] != 0)
			return DNS_BAD_VERSION;
	}
	return DNS_SUCCESS;
}

int dns_read_query(struct dns_query *query, const uint8_t *bytes, size_t size)
{
	size_t end;

	query->question_size = query->options_size = query->name_length = 0;
	query->name[0] = 0;
	query->edns = false;
	query->limit = DNS_PLAIN_MAX;
	if (size < DNS_HEADER_SIZE || bytes[2] & ANSWER)
		return -1;
	query->id = (uint16_t)get16(bytes);
	query->flags[0] = bytes[2] & (OPCODE | RECURSION_DESIRED);
	query->flags[1] = bytes[3] & CHECKING_DISABLED;
	if (bytes[2] & OPCODE)
		return DNS_UNIMPLEMENTED;
	if (get16(bytes + 4) != 1)
		return DNS_MALFORMED;
	end = read_name(query, bytes, size);
	if (!end || size - end < 4)
		return DNS_MALFORMED;
	query->type = (uint16_t)get16(bytes + end);
	query->class = (uint16_t)get16(bytes + end + 2);
	query->question_size = end + 4 - DNS_HEADER_SIZE;
	memcpy(query->question, bytes + DNS_HEADER_SIZE, query->question_size);
	return read_records(query, bytes, size, end + 4);
}

/* --- answering ----------------------------------------------------------------------------------------------------------- */

void dns_reply_begin(struct dns_reply *reply, const struct dns_query *query, uint8_t *bytes, size_t limit)
{
	*reply = (struct dns_reply){ .bytes = bytes, .limit = limit - (query->edns ? OPTIONS_FIXED : 0) };
	memset(bytes, 0, DNS_HEADER_SIZE);
	dns_set_id(bytes, query->id);
	memcpy(bytes + DNS_HEADER_SIZE, query->question, query->question_size);
	reply->size = DNS_HEADER_SIZE + query->question_size;
}

/* The place for `size` bytes of data in a new record, NULL if there is none. */
static uint8_t *add_record(struct dns_reply *reply, int type, size_t size)
{
	uint8_t *at = reply->bytes + reply->size;

	if (reply->limit - reply->size < ANSWER_NAME + RECORD_FIXED + size || reply->answers == UINT16_MAX) {
		reply->truncated = true;
		return NULL;
	}
	put16(at, POINTER << 8 | DNS_HEADER_SIZE);
	put16(at + 2, (unsigned)type);
	put16(at + 4, DNS_INTERNET);
	put16(at + 6, 0);
	put16(at + 8, TIME_TO_LIVE);
	put16(at + 10, (unsigned)size);
	reply->size += ANSWER_NAME + RECORD_FIXED + size;
	reply->answers++;
	return at + ANSWER_NAME + RECORD_FIXED;
}

void dns_reply_address(struct dns_reply *reply, int type, const uint8_t *address)
{
	size_t size = type == DNS_A ? 4 : 16;
	uint8_t *data = add_record(reply, type, size);

	if (data)
		memcpy(data, address, size);
}

/* Appends the labels of a text. Returns false if one of them, or the name, gets too long. */
static bool put_labels(uint8_t name[DNS_NAME_MAX], size_t *size, const char *text, size_t length)
{
	while (length > 0) {
		const char *dot = memchr(text, '.', length);
		size_t label = dot ? (size_t)(dot - text) : length;

		if (label == 0 || label > DNS_LABEL_MAX || *size + 1 + label + 1 > DNS_NAME_MAX)
			return false;
		name[*size] = (uint8_t)label;
		memcpy(name + *size + 1, text, label);
		*size += 1 + label;
		length -= dot ? label + 1 : label;
		text += dot ? label + 1 : label;
	}
	return true;
}

void dns_reply_name(struct dns_reply *reply, const char *host, size_t host_length, const char *domain, size_t domain_length)
{
	uint8_t name[DNS_NAME_MAX];
	size_t size = 0;
	uint8_t *data;

	if (!put_labels(name, &size, host, host_length) || !put_labels(name, &size, domain, domain_length))
		return;
	name[size++] = 0;
	data = add_record(reply, DNS_PTR, size);
	if (data)
		memcpy(data, name, size);
}

static void put_options(struct dns_reply *reply, int code)
{
	uint8_t *at = reply->bytes + reply->size;

	memset(at, 0, OPTIONS_FIXED);
	put16(at + 1, DNS_OPT);
	put16(at + 3, OWN_LIMIT);
	at[5] = (uint8_t)(code >> 4);
	put16(reply->bytes + 10, 1);
	reply->size += OPTIONS_FIXED;
}

size_t dns_reply_end(struct dns_reply *reply, const struct dns_query *query, int code)
{
	uint8_t *bytes = reply->bytes;

	bytes[2] = (uint8_t)(ANSWER | query->flags[0] | (reply->truncated ? TRUNCATED : 0));
	bytes[3] = (uint8_t)(RECURSION_AVAILABLE | query->flags[1] | (code & 0xf));
	put16(bytes + 4, query->question_size ? 1 : 0);
	put16(bytes + 6, reply->answers);
	if (query->edns)
		put_options(reply, code);
	return reply->size;
}

/* --- forwarding ---------------------------------------------------------------------------------------------------------- */

size_t dns_write_forward(const struct dns_query *query, uint16_t id, uint8_t *bytes)
{
	size_t size = DNS_HEADER_SIZE;

	memset(bytes, 0, DNS_HEADER_SIZE);
	dns_set_id(bytes, id);
	bytes[2] = query->flags[0];
	bytes[3] = query->flags[1];
	put16(bytes + 4, 1);
	memcpy(bytes + size, query->question, query->question_size);
	size += query->question_size;
	if (query->edns)
		put16(bytes + 10, 1);
	memcpy(bytes + size, query->options, query->options_size);
	return size + query->options_size;
}

/* Where the question of a message that we wrote ends. */
static size_t end_of_question(const uint8_t *bytes, size_t size)
{
	size_t end = skip_name(bytes, size, DNS_HEADER_SIZE);

	return end && size - end >= 4 ? end + 4 : 0;
}

bool dns_is_answer(const uint8_t *bytes, size_t size, const uint8_t *sent, size_t sent_size)
{
	size_t end = end_of_question(sent, sent_size);

	if (!end || size < end || get16(bytes) != get16(sent) || !(bytes[2] & ANSWER) || bytes[2] & OPCODE || get16(bytes + 4) != 1)
		return false;
	/* Lengths of labels are no letters. Servers may change a name's case, but nothing else. */
	for (size_t i = DNS_HEADER_SIZE; i < end - 4; i++)
		if (small(bytes[i]) != small(sent[i]))
			return false;
	return memcmp(bytes + end - 4, sent + end - 4, 4) == 0;
}

size_t dns_shorten(uint8_t *bytes, size_t size, size_t limit)
{
	size_t end = end_of_question(bytes, size);

	if (size <= limit || !end)
		return size;
	bytes[2] |= TRUNCATED;
	memset(bytes + 6, 0, 6);
	return end;
}
