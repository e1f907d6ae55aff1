/* What clients ask for. Frame layouts: docs/supervisor-protocol.md. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "dns.h"
#include "failure.h"
#include "hub.h"
#include "republish.h"
#include "stdin.h"

/* The rest of a payload that is being taken apart; `torn` once it was too short. */
struct payload {
	const uint8_t *bytes;
	size_t left;
	bool torn;
};

static const uint8_t *take(struct payload *payload, size_t count)
{
	const uint8_t *bytes = payload->bytes;

	if (count > payload->left)
		payload->torn = true;
	if (payload->torn)
		return NULL;
	payload->bytes += count;
	payload->left -= count;
	return bytes;
}

static unsigned take_u8(struct payload *payload)
{
	const uint8_t *byte = take(payload, 1);

	return byte ? *byte : 0;
}

static unsigned take_u16(struct payload *payload)
{
	unsigned high = take_u8(payload);

	return high << 8 | take_u8(payload);
}

static uint32_t take_u32(struct payload *payload)
{
	uint32_t high = take_u16(payload);

	return high << 16 | take_u16(payload);
}

static bool is_id_character(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '-' ||
	       byte == '_' || byte == '.';
}

/* An id goes into JSON texts as it is. */
static void take_id(struct payload *payload, char id[ID_SIZE])
{
	size_t length = take_u8(payload);
	const uint8_t *bytes = length < ID_SIZE ? take(payload, length) : NULL;

	memset(id, 0, ID_SIZE);
	if (!bytes) {
		payload->torn = true;
		return;
	}
	for (size_t i = 0; i < length; i++)
		if (!is_id_character(bytes[i]))
			payload->torn = true;
	memcpy(id, bytes, length);
}

static void take_detach_keys(struct payload *payload, struct detach *detach)
{
	size_t count = take_u8(payload);
	const uint8_t *keys = count <= DETACH_KEYS_MAX ? take(payload, count) : NULL;

	*detach = (struct detach){ .count = keys ? (uint8_t)count : 0 };
	if (keys)
		memcpy(detach->keys, keys, count);
	else
		payload->torn = true;
}

static void refuse(struct client *client, const char *code, const char *message)
{
	client_send_text(client, FRAME_REFUSED, "{\"code\":\"%s\",\"message\":\"%s\"}", code, message);
}

static void join(struct client *client, struct supervised *process, unsigned flags, const struct detach *detach)
{
	client->process = process;
	client->wanted = (uint8_t)flags;
	client->detach = *detach;
}

static void attach(struct client *client, struct payload *payload)
{
	struct detach detach;
	char id[ID_SIZE];
	unsigned flags = take_u8(payload);
	struct supervised *process;
	uint8_t terminal;

	take_detach_keys(payload, &detach);
	take_id(payload, id);
	if (payload->torn)
		return;
	process = supervised_find(id);
	if (client->process) {
		refuse(client, "conflict", "this connection is attached already");
	} else if (!process) {
		refuse(client, "not-found", "the process has ended");
	} else {
		terminal = process->streams.terminal;
		join(client, process, flags, &detach);
		client_send(client, FRAME_ATTACHED, &terminal, 1);
	}
}

static void resize(struct client *client, struct payload *payload)
{
	unsigned rows = take_u16(payload);
	unsigned columns = take_u16(payload);
	char id[ID_SIZE];
	struct supervised *process;

	take_id(payload, id);
	if (payload->torn)
		return;
	process = supervised_find(id);
	if (!process) {
		refuse(client, "not-found", "the process has ended");
		return;
	}
	streams_resize(&process->streams, rows, columns);
	client_send(client, FRAME_OK, NULL, 0);
}

static void deliver_signal(struct client *client, struct payload *payload)
{
	int signal = (int)take_u8(payload);
	char id[ID_SIZE];
	struct supervised *process;

	take_id(payload, id);
	if (payload->torn)
		return;
	process = supervised_find(id);
	if (process && supervised_signal(process, signal) == 0)
		client_send(client, FRAME_OK, NULL, 0);
	else if (process && errno == EINVAL)
		refuse(client, "invalid-argument", "there is no such signal");
	else
		refuse(client, "not-found", "the process has ended");
}

static void start_exec(struct client *client, struct payload *payload)
{
	struct detach detach;
	char id[ID_SIZE];
	unsigned flags = take_u8(payload);

	take_detach_keys(payload, &detach);
	take_id(payload, id);
	if (payload->torn || !id[0]) {
		payload->torn = true;
		return;
	}
	if (client->process) {
		refuse(client, "conflict", "this connection is attached already");
	} else if (supervised_list->phase != PHASE_RUNNING) {
		refuse(client, "conflict", "the container is not running");
	} else if (supervised_find(id)) {
		refuse(client, "conflict", "an exec of this id is running already");
	} else {
		exec_start(client, id, payload->bytes, payload->left);
		if (client->starting && flags & ATTACH_NOW)
			join(client, client->starting, flags, &detach);
	}
}

static void configure_dns(struct client *client, struct payload *payload)
{
	bool opened;
	int port;
	uint8_t answer[3];

	if (supervised_list->phase != PHASE_RUNNING) {
		refuse(client, "conflict", "the container is not running");
		return;
	}
	port = dns_configure(supervised_list->run, payload->bytes, payload->left, &opened);
	if (port >= 0) {
		answer[0] = (uint8_t)(port >> 8);
		answer[1] = (uint8_t)port;
		answer[2] = opened;
		client_send(client, FRAME_OK, answer, sizeof(answer));
	} else if (errno == EINVAL) {
		refuse(client, "invalid-argument", "these are no settings of a DNS server");
	} else if (errno == EADDRINUSE) {
		refuse(client, "conflict", "a program of the container has the port of the DNS server");
	} else {
		refuse(client, "exhausted", "the sockets of the DNS server cannot be opened");
	}
}

static void publish(struct client *client, struct payload *payload)
{
	struct failure failure;

	if (supervised_list->phase != PHASE_RUNNING)
		refuse(client, "conflict", "the container is not running");
	else if (republish(supervised_list->run, payload->bytes, payload->left, &failure) == 0)
		client_send(client, FRAME_OK, NULL, 0);
	else
		client_send_failure(client, &failure);
}

/* The log looks at its options for each record. */
static void limit_log(struct client *client, struct payload *payload)
{
	struct log_options *log = &supervised_list->run->log;
	uint64_t max_size = take_u32(payload);
	unsigned max_files;
	bool compress;

	max_size = max_size << 32 | take_u32(payload);
	max_files = take_u16(payload);
	compress = take_u8(payload);
	if (payload->left || max_size > INT64_MAX)
		payload->torn = true;
	if (payload->torn)
		return;
	if (!log->path) {
		refuse(client, "conflict", "the container has no log");
		return;
	}
	log->max_size = max_size;
	log->max_files = max_files;
	log->compress = compress;
	client_send(client, FRAME_OK, NULL, 0);
}

static int describe(struct buffer *text, const struct supervised *process)
{
	return buffer_printf(text, "{\"id\":\"%s\",\"pid\":%d,\"startedAtNs\":%" PRId64 "}", process->id, (int)process->pid,
			     process->started_at_ns);
}

static void send_state(struct client *client)
{
	struct buffer text = { 0 };
	const struct supervised *first = supervised_list;
	const char *separator = "";
	int result = buffer_printf(&text, "{\"pid\":%d,\"startedAtNs\":%" PRId64 ",\"execs\":[", (int)first->pid,
				   first->started_at_ns);

	for (const struct supervised *process = first->next; process && result == 0; process = process->next) {
		if (process->phase != PHASE_RUNNING && process->phase != PHASE_EXITED)
			continue;
		result = buffer_printf(&text, "%s", separator);
		if (result == 0)
			result = describe(&text, process);
		separator = ",";
	}
	if (result == 0 && buffer_append(&text, "]}", 2) == 0)
		client_send(client, FRAME_STATE, buffer_head(&text), buffer_length(&text));
	else
		refuse(client, "exhausted", "the supervisor is short of memory");
	buffer_release(&text);
}

void request_handle(struct client *client, int type, const uint8_t *bytes, size_t size)
{
	struct payload payload = { bytes, size, false };

	switch (type) {
	case FRAME_ATTACH:
		attach(client, &payload);
		break;
	case FRAME_STDIN_END:
		stdin_end(client);
		break;
	case FRAME_RESIZE:
		resize(client, &payload);
		break;
	case FRAME_SIGNAL:
		deliver_signal(client, &payload);
		break;
	case FRAME_EXEC:
		start_exec(client, &payload);
		break;
	case FRAME_WAIT:
		client->subscribed = true;
		/* fall through */
	case FRAME_STATUS:
		send_state(client);
		break;
	case FRAME_DNS:
		configure_dns(client, &payload);
		break;
	case FRAME_PUBLISH:
		publish(client, &payload);
		break;
	case FRAME_LOG:
		limit_log(client, &payload);
		break;
	case FRAME_HOLD:
	case FRAME_RELEASE:
		client_hold(client, type == FRAME_HOLD);
		break;
	default:
		payload.torn = true;
	}
	if (payload.torn)
		client_drop(client);
}
