/* Requests, records and frames of tree sessions; see tree-wire.h. */
#include "tree-wire.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are copied as they are");

/* --- decoding ----------------------------------------------------------------------------------------------------------- */

static bool take(struct span *from, size_t size, struct span *taken)
{
	if (size > from->size) return false;
	*taken = (struct span){from->data, size};
	from->data += size;
	from->size -= size;
	return true;
}

static bool take_number(struct span *from, void *number, size_t size)
{
	struct span bytes;
	if (!take(from, size, &bytes)) return false;
	memcpy(number, bytes.data, size);
	return true;
}

int request_decode(struct request *request, const uint8_t *payload, size_t size)
{
	struct span rest = {payload, size};
	uint8_t count, prefix_size;
	uint16_t path_size;
	if (!take_number(&rest, &request->flags, 1) || !take_number(&rest, &count, 1)) return -1;
	if (!take_number(&rest, &path_size, 2) || !take(&rest, path_size, &request->path)) return -1;
	if (count > TREE_PREFIXES_MAX) return -1;
	for (size_t i = 0; i < count; i++) {
		if (!take_number(&rest, &prefix_size, 1)) return -1;
		if (!take(&rest, prefix_size, &request->prefixes[i])) return -1;
	}
	request->prefix_count = count;
	return rest.size == 0 ? 0 : -1;
}

bool xattr_next(struct xattr *xattr, struct span *bytes)
{
	uint32_t name_size, value_size;
	return take_number(bytes, &name_size, 4) && take_number(bytes, &value_size, 4) &&
	       take(bytes, name_size, &xattr->name) && take(bytes, value_size, &xattr->value);
}

static bool xattrs_whole(struct span bytes)
{
	struct xattr xattr;
	if (bytes.size > TREE_XATTRS_MAX) return false;
	while (bytes.size > 0) {
		if (!xattr_next(&xattr, &bytes)) return false;
	}
	return true;
}

/* The fields of a header. `rest` is the record behind its head. */
static bool take_header(struct record *record, struct span rest)
{
	uint16_t name_size, link_size;
	uint32_t xattrs_size;
	bool whole = take_number(&rest, &record->mode, 4) && take_number(&rest, &record->uid, 4) &&
	             take_number(&rest, &record->gid, 4) && take_number(&rest, &record->nanoseconds, 4) &&
	             take_number(&rest, &record->seconds, 8) && take_number(&rest, &record->size, 8) &&
	             take_number(&rest, &name_size, 2) && take_number(&rest, &link_size, 2) &&
	             take_number(&rest, &xattrs_size, 4) && take(&rest, name_size, &record->name) &&
	             take(&rest, link_size, &record->link) && take(&rest, xattrs_size, &record->xattrs);
	if (!whole || rest.size != 0 || record->nanoseconds >= 1000000000) return false;
	if (record->kind == RECORD_CHARACTER || record->kind == RECORD_BLOCK) {
		record->major = (uint32_t)record->size;
		record->minor = (uint32_t)(record->size >> 32);
		record->size = 0;
	}
	return record->size <= INT64_MAX && xattrs_whole(record->xattrs);
}

int record_decode(struct record *record, struct span *bytes)
{
	struct span head, rest;
	uint32_t size;
	*record = (struct record){0};
	if (!take(bytes, RECORD_HEAD, &head)) return -1;
	record->kind = head.data[0];
	record->flags = head.data[1];
	memcpy(&size, head.data + 4, sizeof size);
	if (head.data[2] || head.data[3] || record->kind > RECORD_SOCKET) return -1;
	if (!take(bytes, size, &rest)) return -1;
	if (record->kind == RECORD_DATA) {
		record->name = rest;
		return 0;
	}
	return take_header(record, rest) ? 0 : -1;
}

/* --- encoding ----------------------------------------------------------------------------------------------------------- */

size_t record_size(const struct record *record)
{
	return RECORD_HEADER + record->name.size + record->link.size + record->xattrs.size;
}

static void put(uint8_t **at, const void *bytes, size_t size)
{
	if (size > 0) memcpy(*at, bytes, size);
	*at += size;
}

static void put_head(uint8_t *bytes, uint8_t kind, uint8_t flags, size_t rest)
{
	uint32_t size = (uint32_t)rest;
	memcpy(bytes, (uint8_t[4]){kind, flags, 0, 0}, 4);
	memcpy(bytes + 4, &size, sizeof size);
}

void record_encode(const struct record *record, uint8_t *bytes)
{
	bool device = record->kind == RECORD_CHARACTER || record->kind == RECORD_BLOCK;
	uint64_t size = device ? record->major | (uint64_t)record->minor << 32 : record->size;
	uint16_t name_size = (uint16_t)record->name.size, link_size = (uint16_t)record->link.size;
	uint32_t xattrs_size = (uint32_t)record->xattrs.size;
	put_head(bytes, record->kind, record->flags, record_size(record) - RECORD_HEAD);
	bytes += RECORD_HEAD;
	put(&bytes, &record->mode, 4);
	put(&bytes, &record->uid, 4);
	put(&bytes, &record->gid, 4);
	put(&bytes, &record->nanoseconds, 4);
	put(&bytes, &record->seconds, 8);
	put(&bytes, &size, 8);
	put(&bytes, &name_size, 2);
	put(&bytes, &link_size, 2);
	put(&bytes, &xattrs_size, 4);
	put(&bytes, record->name.data, name_size);
	put(&bytes, record->link.data, link_size);
	put(&bytes, record->xattrs.data, xattrs_size);
}

void xattr_encode(uint8_t *bytes, size_t name_size, size_t value_size)
{
	uint32_t sizes[2] = {(uint32_t)name_size, (uint32_t)value_size};
	memcpy(bytes, sizes, sizeof sizes);
}

/* --- receiving ---------------------------------------------------------------------------------------------------------- */

/* Returns 1, 0 at the end, -1 for less than all. */
static int receive_all(int fd, uint8_t *bytes, size_t size)
{
	size_t received = 0;
	while (received < size) {
		ssize_t count = recv(fd, bytes + received, size - received, MSG_WAITALL);
		if (count < 0 && errno == EINTR) continue;
		if (count <= 0) return count == 0 && received == 0 ? 0 : -1;
		received += (size_t)count;
	}
	return 1;
}

static size_t payload_size(const uint8_t header[FRAME_HEADER])
{
	return (size_t)header[4] << 24 | (size_t)header[5] << 16 | (size_t)header[6] << 8 | header[7];
}

int inbox_receive(struct inbox *inbox, uint8_t *type, struct span *payload)
{
	uint8_t header[FRAME_HEADER];
	int received = receive_all(inbox->fd, header, sizeof header);
	if (received <= 0) return received;
	if (header[1] || header[2] || header[3] || payload_size(header) > TREE_FRAME_MAX) return -1;
	*type = header[0];
	*payload = (struct span){inbox->bytes, payload_size(header)};
	if (payload->size > 0 && receive_all(inbox->fd, inbox->bytes, payload->size) <= 0) return -1;
	return 1;
}

bool inbox_cancelled(struct inbox *inbox)
{
	uint8_t header[FRAME_HEADER];
	ssize_t count = recv(inbox->fd, header, sizeof header, MSG_PEEK | MSG_DONTWAIT);
	if (count != FRAME_HEADER || header[0] != FRAME_TREE_CANCEL || payload_size(header) != 0)
		return false;
	return receive_all(inbox->fd, header, sizeof header) == 1;
}

/* --- sending ------------------------------------------------------------------------------------------------------------ */

int outbox_flush(struct outbox *outbox)
{
	if (outbox->gone || outbox->cancelled) return -1;
	if (outbox->used == 0) return 0;
	outbox->cancelled = inbox_cancelled(outbox->inbox);
	if (!outbox->cancelled &&
	        frame_send(outbox->fd, FRAME_TREE_PARTS, outbox->bytes, outbox->used, NULL, 0) != 0)
		outbox->gone = true;
	outbox->used = 0;
	return outbox->gone || outbox->cancelled ? -1 : 0;
}

int outbox_header(struct outbox *outbox, const struct record *record)
{
	size_t size = record_size(record);
	if (outbox->used > 0 && outbox->used + size > TREE_FRAME_FULL && outbox_flush(outbox) != 0) return -1;
	record_encode(record, outbox->bytes + outbox->used);
	outbox->used += size;
	return 0;
}

uint8_t *outbox_room(struct outbox *outbox, size_t *size)
{
	/* A run that would not be worth its head waits for the next frame. */
	enum { WORTHWHILE = 4096 };
	size_t least = *size < WORTHWHILE ? *size : WORTHWHILE;
	if (outbox->used + RECORD_HEAD + least > TREE_FRAME_FULL && outbox_flush(outbox) != 0) return NULL;
	size_t room = TREE_FRAME_FULL - outbox->used - RECORD_HEAD;
	if (*size > room) *size = room;
	return outbox->bytes + outbox->used + RECORD_HEAD;
}

void outbox_fill(struct outbox *outbox, size_t size)
{
	put_head(outbox->bytes + outbox->used, RECORD_DATA, 0, size);
	outbox->used += RECORD_HEAD + size;
}
