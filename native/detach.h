#ifndef SAMPAN_DETACH_H
#define SAMPAN_DETACH_H

#include <stdbool.h>

#include "buffer.h"
#include "protocol.h"

/* The key sequence that ends an attachment, and how much of it has been typed. */
struct detach {
	uint8_t keys[DETACH_KEYS_MAX];
	uint8_t count;
	uint8_t typed;
};

/*
 * Appends to `passed` what may go on to the terminal: typed keys are withheld while they could still be the sequence.
 * Returns true when the sequence is complete; what follows it in `bytes` is dropped.
 *
 * As in Docker, a byte that breaks off a partial match does not begin a new one.
 */
bool detach_filter(struct detach *detach, const uint8_t *bytes, size_t count, struct buffer *passed);

#endif
