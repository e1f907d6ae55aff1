/* How a step of a plan failed. Every function that can fail takes a `struct failure *` and returns -1 after filling it. */
#ifndef SAMPAN_FAILURE_H
#define SAMPAN_FAILURE_H

#include <stddef.h>
#include <stdint.h>

enum { FAILURE_TEXT = 1024 };

struct failure {
	uint8_t stage;      /* enum stage */
	uint16_t operation; /* code, 0 for none (the plan itself) */
	uint32_t index;     /* within its stage */
	int errnum;         /* positive errno, 0 where the launcher itself refused */
	char subject[FAILURE_TEXT];
	char detail[FAILURE_TEXT];
};

/* Fills errno, subject and detail (printf-like, may be NULL) and returns -1; stage, operation and index are the executor's. */
int fail(struct failure *failure, int errnum, const char *subject, const char *detail, ...)
        __attribute__((format(printf, 4, 5)));

/* The failure as the JSON text of PlanFailure; a malloc'd string, NULL when out of memory. */
char *failure_json(const struct failure *failure);

#endif
