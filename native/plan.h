/* A decoded plan: typed steps. */
#ifndef SAMPAN_PLAN_H
#define SAMPAN_PLAN_H

#include "run.h"

/* What every step starts with; the arguments of its operation follow (struct <operation>_step). */
struct step {
	uint16_t operation; /* its code */
	uint8_t stage;
	uint8_t row; /* in the table of operations */
	uint32_t index;
};

/* NUL-terminated, no NUL inside. */
struct text {
	const char *data;
	size_t size;
};

struct bytes {
	const uint8_t *data; /* aligned to 8 */
	size_t size;
};

/* `items` ends with NULL: fit for execve. */
struct texts {
	const char **items;
	size_t count;
};

struct ints {
	const int64_t *items;
	size_t count;
};

#define INT(name) int64_t name;
#define TEXT(name) struct text name;
#define BYTES(name) struct bytes name;
#define TEXTS(name) struct texts name;
#define INTS(name) struct ints name;
#define NONE
#define OPERATION(name, public_name, code, stages, args)                                                     \
	struct name##_step {                                                                                 \
		struct step step;                                                                            \
		args                                                                                         \
	};
#include "operations.def"
#undef OPERATION
#undef NONE
#undef INTS
#undef TEXTS
#undef BYTES
#undef TEXT
#undef INT

#define OPERATION(name, public_name, operation_code, stages, args) OPERATION_##name = operation_code,
enum operation_code {
#include "operations.def"
};
#undef OPERATION

/* Each operation is one function. Returns 0, or -1 with the failure filled (all but stage, operation and index). */
#define OPERATION(name, public_name, code, stages, args)                                                     \
	int op_##name(struct run *run, const struct name##_step *step, struct failure *failure);
#include "operations.def"
#undef OPERATION

/* The public name of an operation, "plan" for 0. */
const char *operation_name(uint16_t code);

const char *stage_name(uint8_t stage);

/* Carries one step out. */
int step_run(struct run *run, const struct step *step, struct failure *failure);

/* True if `errnum` is one of the errnos that a step declares harmless. */
bool ints_contain(struct ints ints, int errnum);

#endif
