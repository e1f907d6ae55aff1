/*
 * What a supervisor and its clients say to each other; docs/supervisor-protocol.md describes each frame.
 *
 * A frame is a header of eight bytes (type, three zero bytes, length of the payload in big-endian order) and its payload.
 */
#ifndef SAMPAN_PROTOCOL_H
#define SAMPAN_PROTOCOL_H

enum {
	FRAME_HEADER = 8,
	/* The longest plan (PLAN_BYTES_MAX) and what goes before it in EXEC. */
	FRAME_MAX = (16 << 20) + 1024,
	/* Requests other than EXEC, STDIN, DNS and PUBLISH are tiny. */
	FRAME_REQUEST_MAX = 1024,
	/* Exec ids are 64 hex digits; room for a terminator. */
	ID_SIZE = 65,
	DETACH_KEYS_MAX = 64,
};

enum frame_type {
	/* Output, exactly as Docker's multiplexed stream has it. */
	FRAME_STDOUT = 0x01,
	FRAME_STDERR = 0x02,

	/* The launcher's own (see frames.h). FAILED and STARTED also answer EXEC. */
	FRAME_STARTED = 0x22,
	FRAME_FAILED = 0x23,

	/* Requests. */
	FRAME_ATTACH = 0x30,
	FRAME_STDIN = 0x31,
	FRAME_STDIN_END = 0x32,
	FRAME_RESIZE = 0x33,
	FRAME_SIGNAL = 0x34,
	FRAME_EXEC = 0x35,
	FRAME_STATUS = 0x36,
	FRAME_WAIT = 0x37,
	FRAME_HOLD = 0x38,
	FRAME_RELEASE = 0x39,
	FRAME_DNS = 0x3a,
	FRAME_PUBLISH = 0x3b,
	FRAME_LOG = 0x3c,

	/* Answers and notices. */
	FRAME_OK = 0x40,
	FRAME_REFUSED = 0x41,
	FRAME_ATTACHED = 0x42,
	FRAME_DETACHED = 0x43,
	FRAME_EXITED = 0x44,
	FRAME_OOM = 0x45,
	FRAME_STATE = 0x46,
	FRAME_NOTE = 0x47,
};

/* Flags of ATTACH and EXEC. */
enum attach_flag {
	ATTACH_STDIN = 1,
	ATTACH_STDOUT = 2,
	ATTACH_STDERR = 4,
	/* EXEC only: the sender is the process's client, with the streams that the other flags name. */
	ATTACH_NOW = 8,
};

#endif
