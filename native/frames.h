/*
 * The launcher's own frames, and reading and writing frames on a blocking socket. The header is that of Docker's multiplexed
 * streams: type (u8), three zero bytes, length of the payload (u32, big-endian). protocol.h has the supervisor's types.
 */
#ifndef SAMPAN_FRAMES_H
#define SAMPAN_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "failure.h"

enum {
	/* Client to launcher: one plan (docs/plan-format.md). */
	FRAME_PLAN = 0x10,
	/* Index of a step of the before stage (u32, big-endian) and the bytes that it returned. */
	FRAME_RESULT = 0x20,
	/* The plan is finished. Payload: the process's wait status (u32, big-endian) where the plan had one, else nothing. */
	FRAME_DONE = 0x21,
	/* FRAME_STARTED (JSON {pid, startedAtNs}) and FRAME_FAILED (JSON of PlanFailure) are in protocol.h. */
};

/* Sends a frame whose payload is `head` followed by `body`. Returns 0, or -1 with errno set (EPIPE when the peer has gone). */
int frame_send(int fd, uint8_t type, const void *head, size_t head_size, const void *body, size_t body_size);

/* Sends FRAME_FAILED. */
int frame_send_failure(int fd, const struct failure *failure);

/*
 * Reads one frame of at most `limit` payload bytes; the payload is malloc'd. Returns 1, 0 at a clean end of the stream, or -1
 * with errno set (EMSGSIZE beyond the limit, EPROTO on a torn or malformed frame).
 */
int frame_receive(int fd, uint8_t *type, uint8_t **payload, size_t *size, size_t limit);

#endif
