/*
 * What a tree session and its client say to each other; docs/tree-protocol.md describes it. Numbers in payloads are little-endian, names are
 * bytes.
 */
#ifndef SAMPAN_TREE_WIRE_H
#define SAMPAN_TREE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frames.h"
#include "protocol.h"

enum tree_frame {
	/* Requests. */
	FRAME_TREE_STAT = 0x50,
	FRAME_TREE_READ = 0x51,
	FRAME_TREE_WRITE = 0x52,

	/* From whoever has the parts: records. Then its end; END also says that a write is done. */
	FRAME_TREE_PARTS = 0x53,
	FRAME_TREE_END = 0x54,
	/* The client gives a read or a write up; what is answered is the end of it. */
	FRAME_TREE_CANCEL = 0x55,

	/* Answers to STAT. */
	FRAME_TREE_FOUND = 0x56,
	FRAME_TREE_NOTHING = 0x57,
};

enum {
	/* The payload of one frame, either way. */
	TREE_FRAME_MAX = 512 << 10,
	/* A frame of a read is sent when it has this much. */
	TREE_FRAME_FULL = 256 << 10,
	/* A name in a record. */
	TREE_NAME_MAX = UINT16_MAX,
	/* All extended attributes of one object, as they are encoded. */
	TREE_XATTRS_MAX = 128 << 10,
	TREE_PREFIXES_MAX = 32,

	RECORD_HEAD = 8,
	RECORD_HEADER = 48,
	XATTR_HEADER = 8,
};

enum record_kind {
	RECORD_DATA = 0,
	RECORD_FILE = 1,
	RECORD_HARDLINK = 2,
	RECORD_SYMLINK = 3,
	RECORD_CHARACTER = 4,
	RECORD_BLOCK = 5,
	RECORD_DIRECTORY = 6,
	RECORD_FIFO = 7,
	/* Only in the answer to STAT. */
	RECORD_SOCKET = 8,
};

/* Of a record that answers STAT. */
enum { RECORD_READ_ONLY = 1 };

enum {
	STAT_FOLLOW = 1,
	READ_DATA = 1,
	READ_CROSS_MOUNTS = 2,
	WRITE_KEEP_KINDS = 1,
};

/* Bytes that belong to somebody else, without a NUL behind them. */
struct span {
	const uint8_t *data;
	size_t size;
};

struct request {
	uint8_t flags;
	struct span path;
	struct span prefixes[TREE_PREFIXES_MAX];
	size_t prefix_count;
};

/* A header, or a run of data (kind 0, in `name`). */
struct record {
	uint8_t kind;
	uint8_t flags;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	uint32_t nanoseconds;
	int64_t seconds;
	uint64_t size;
	uint32_t major;
	uint32_t minor;
	struct span name;
	struct span link;
	struct span xattrs;
};

struct xattr {
	struct span name;
	struct span value;
};

/* Returns 0, or -1 where the payload is no request. */
int request_decode(struct request *request, const uint8_t *payload, size_t size);

/* Takes the next record off `bytes`. Returns 0, or -1 where there is none that keeps to the rules. */
int record_decode(struct record *record, struct span *bytes);

/* Takes the next attribute off a record's. A decoded record has only whole ones. */
bool xattr_next(struct xattr *xattr, struct span *bytes);

/* Writes the header of an attribute: XATTR_HEADER bytes. */
void xattr_encode(uint8_t *bytes, size_t name_size, size_t value_size);

size_t record_size(const struct record *record);

/* Writes `record_size` bytes. */
void record_encode(const struct record *record, uint8_t *bytes);

/* Frames of a session as they come, into one buffer. */
struct inbox {
	int fd;
	uint8_t *bytes; /* TREE_FRAME_MAX */
};

/* Returns 1 with a frame whose payload lies in the inbox, 0 at the end, -1 where the client does not keep to the protocol or is gone. */
int inbox_receive(struct inbox *inbox, uint8_t *type, struct span *payload);

/* Whether the client has given up what is being sent. */
bool inbox_cancelled(struct inbox *inbox);

/* Records that are gathered into frames. */
struct outbox {
	int fd;
	uint8_t *bytes; /* TREE_FRAME_MAX */
	size_t used;
	bool gone; /* nobody receives any more */
	/* Where the client may say that it wants no more: `cancelled` then. */
	struct inbox *inbox;
	bool cancelled;
};

/* Sends what was gathered. -1 where nobody wants it. */
int outbox_flush(struct outbox *outbox);

int outbox_header(struct outbox *outbox, const struct record *record);

/* Where up to `*size` bytes of data may be put; sets how many. NULL where nobody receives. */
uint8_t *outbox_room(struct outbox *outbox, size_t *size);

/* Makes a record of what was put there. */
void outbox_fill(struct outbox *outbox, size_t size);

#endif
