/* The table of operations. */
#include "plan.h"

#include "operations.h"

enum {
	BEFORE = 1 << STAGE_BEFORE,
	PARENT = 1 << STAGE_PARENT,
	CHILD = 1 << STAGE_CHILD,
	AFTER = 1 << STAGE_AFTER,
	ANY = BEFORE | PARENT | CHILD | AFTER,
};

#define OPERATION(name, public_name, code, stages, args)                                                     \
	static int call_##name(struct run *run, const struct step *step, struct failure *failure)            \
	{                                                                                                    \
		return op_##name(run, (const struct name##_step *)(const void *)step, failure);              \
	}
#include "operations.def"
#undef OPERATION

#define INT(name) "i"
#define TEXT(name) "t"
#define BYTES(name) "b"
#define TEXTS(name) "T"
#define INTS(name) "I"
#define NONE
#define OPERATION(name, public_name, code, stages, args)                                                     \
	{code, stages, sizeof(struct name##_step), "" args, #public_name, call_##name},
static const struct operation table[] = {
#include "operations.def"
};
#undef OPERATION

enum { ROWS = sizeof table / sizeof *table };

const struct operation *operation_find(uint16_t code)
{
	for (size_t row = 0; row < ROWS; row++) {
		if (table[row].code == code) return &table[row];
	}
	return NULL;
}

uint8_t operation_row(const struct operation *operation)
{
	return (uint8_t)(operation - table);
}

const char *operation_name(uint16_t code)
{
	const struct operation *operation = operation_find(code);
	return operation ? operation->name : "plan";
}

const char *stage_name(uint8_t stage)
{
	static const char *const names[STAGES] = {"before", "parent", "child", "after"};
	return stage < STAGES ? names[stage] : "before";
}

int step_run(struct run *run, const struct step *step, struct failure *failure)
{
	if (table[step->row].call(run, step, failure) == 0) return 0;
	failure->stage = step->stage;
	failure->operation = step->operation;
	failure->index = step->index;
	return -1;
}

bool ints_contain(struct ints ints, int errnum)
{
	for (size_t i = 0; i < ints.count; i++) {
		if (ints.items[i] == errnum) return true;
	}
	return false;
}
