/* The table of operations, for the decoder. */
#ifndef SAMPAN_OPERATIONS_H
#define SAMPAN_OPERATIONS_H

#include "plan.h"

struct operation {
	uint16_t code;
	uint8_t stages; /* a bit for each stage that it may be in */
	size_t size;    /* of its struct */
	const char *kinds;
	const char *name;
	int (*call)(struct run *run, const struct step *step, struct failure *failure);
};

/* NULL for an unknown code. */
const struct operation *operation_find(uint16_t code);

uint8_t operation_row(const struct operation *operation);

#endif
