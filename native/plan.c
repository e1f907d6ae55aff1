/* Decoding of plans. docs/plan-format.md is the format; everything in it is checked before anything is done. */
#include "operations.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLAN_MAGIC = 0x4e504d53, /* "SMPN" */
	PLAN_VERSION = 1,
};

struct header {
	uint32_t magic;
	uint16_t version;
	uint16_t zero;
	uint32_t count;
	uint32_t size;
};

struct operation_header {
	uint16_t code;
	uint8_t stage;
	uint8_t arguments;
	uint32_t size;
};

struct list_header {
	uint32_t count;
	uint32_t zero;
};

/* What is left to read; all of the format is in units of 8 bytes. */
struct cursor {
	const uint8_t *at;
	size_t left;
};

/* The decoded form is never larger than the encoded one plus a NULL for each list and a pointer for each text. */
struct arena {
	uint8_t *at;
	size_t left;
};

static const void *take(struct cursor *cursor, size_t size)
{
	size_t padded = (size + 7) & ~(size_t)7;
	if (padded < size || padded > cursor->left) return NULL;
	const void *at = cursor->at;
	cursor->at += padded;
	cursor->left -= padded;
	return at;
}

static void *allocate(struct arena *arena, size_t size)
{
	size_t padded = (size + 7) & ~(size_t)7;
	if (padded > arena->left) return NULL;
	void *at = arena->at;
	arena->at += padded;
	arena->left -= padded;
	return at;
}

static bool take_count(struct cursor *cursor, size_t *count)
{
	const struct list_header *list = take(cursor, sizeof *list);
	if (!list || list->zero != 0) return false;
	*count = list->count;
	return true;
}

static bool take_bytes(struct cursor *cursor, struct bytes *bytes)
{
	if (!take_count(cursor, &bytes->size)) return false;
	bytes->data = take(cursor, bytes->size);
	return bytes->data != NULL;
}

static bool take_text(struct cursor *cursor, struct text *text)
{
	if (!take_count(cursor, &text->size)) return false;
	text->data = take(cursor, text->size + 1);
	return text->data && memchr(text->data, 0, text->size + 1) == text->data + text->size;
}

static bool take_texts(struct cursor *cursor, struct arena *arena, struct texts *texts)
{
	if (!take_count(cursor, &texts->count) || texts->count > cursor->left / sizeof(struct list_header))
		return false;
	texts->items = allocate(arena, (texts->count + 1) * sizeof *texts->items);
	if (!texts->items) return false;
	for (size_t i = 0; i < texts->count; i++) {
		struct text text;
		if (!take_text(cursor, &text)) return false;
		texts->items[i] = text.data;
	}
	texts->items[texts->count] = NULL;
	return true;
}

static bool take_ints(struct cursor *cursor, struct ints *ints)
{
	if (!take_count(cursor, &ints->count) || ints->count > cursor->left / sizeof(int64_t)) return false;
	ints->items = take(cursor, ints->count * sizeof(int64_t));
	return ints->items != NULL;
}

/* Each argument by its kind, in the order and layout of the operation's struct. */
static bool take_argument(struct cursor *cursor, struct arena *arena, char kind, uint8_t **target)
{
	union {
		struct text text;
		struct bytes bytes;
		struct texts texts;
		struct ints ints;
	} value;
	size_t size = sizeof value;
	switch (kind) {
	case 'i': {
		const int64_t *number = take(cursor, sizeof *number);
		if (!number) return false;
		memcpy(*target, number, sizeof *number);
		*target += sizeof *number;
		return true;
	}
	case 't':
		if (!take_text(cursor, &value.text)) return false;
		break;
	case 'b':
		if (!take_bytes(cursor, &value.bytes)) return false;
		break;
	case 'T':
		if (!take_texts(cursor, arena, &value.texts)) return false;
		break;
	default:
		if (!take_ints(cursor, &value.ints)) return false;
		break;
	}
	memcpy(*target, &value, size);
	*target += size;
	return true;
}

static_assert(sizeof(struct text) == 16 && sizeof(struct bytes) == 16 && sizeof(struct texts) == 16 &&
                      sizeof(struct ints) == 16,
        "arguments are laid out one after the other");

static struct step *take_step(struct cursor *cursor, struct arena *arena, struct failure *failure)
{
	const struct operation_header *header = take(cursor, sizeof *header);
	if (!header) return NULL;
	const struct operation *operation = operation_find(header->code);
	failure->operation = header->code;
	if (!operation || header->stage >= STAGES || !(operation->stages & 1U << header->stage)) return NULL;
	if (header->arguments != strlen(operation->kinds)) return NULL;
	failure->stage = header->stage;

	struct cursor arguments = {cursor->at, header->size};
	if (header->size % 8 != 0 || !take(cursor, header->size)) return NULL;
	struct step *step = allocate(arena, operation->size);
	if (!step) return NULL;
	step->operation = header->code;
	step->stage = header->stage;
	step->row = operation_row(operation);
	uint8_t *target = (uint8_t *)(step + 1);
	for (const char *kind = operation->kinds; *kind; kind++) {
		if (!take_argument(&arguments, arena, *kind, &target)) return NULL;
	}
	return arguments.left == 0 ? step : NULL;
}

/* Steps come in any order of stages; within a stage their order is kept. */
static int take_steps(struct plan *plan, struct cursor *cursor, struct arena *arena, uint32_t count,
        struct failure *failure)
{
	for (int stage = 0; stage < STAGES; stage++) {
		plan->steps[stage] = allocate(arena, count * sizeof *plan->steps[stage]);
		if (!plan->steps[stage]) return fail(failure, ENOMEM, "", NULL);
	}
	for (uint32_t i = 0; i < count; i++) {
		struct step *step = take_step(cursor, arena, failure);
		if (!step) return fail(failure, 0, "", "step %u of the plan is malformed", i);
		step->index = plan->counts[step->stage]++;
		plan->steps[step->stage][step->index] = step;
	}
	if (cursor->left != 0) return fail(failure, 0, "", "the plan has bytes after its last step");
	*failure = (struct failure){0};
	return 0;
}

static uint32_t count_steps(const struct plan *plan, enum stage stage, uint16_t operation)
{
	uint32_t found = 0;
	for (uint32_t i = 0; i < plan->counts[stage]; i++)
		found += plan->steps[stage][i]->operation == operation;
	return found;
}

bool plan_has_child(const struct plan *plan)
{
	return count_steps(plan, STAGE_BEFORE, OPERATION_clone) > 0;
}

/* A child stage needs exactly one clone and ends with its only exec. */
static int check_shape(const struct plan *plan, struct failure *failure)
{
	uint32_t clones = count_steps(plan, STAGE_BEFORE, OPERATION_clone);
	uint32_t children = plan->counts[STAGE_CHILD];
	if (clones > 1) return fail(failure, 0, "", "the plan clones more than once");
	if (clones == 0 && (children > 0 || plan->counts[STAGE_PARENT] > 0)) {
		return fail(failure, 0, "", "the plan has a parent or child stage but no clone");
	}
	if (clones == 1 &&
	        (children == 0 || plan->steps[STAGE_CHILD][children - 1]->operation != OPERATION_exec ||
	                count_steps(plan, STAGE_CHILD, OPERATION_exec) > 1)) {
		return fail(failure, 0, "", "the child stage does not end with its one exec");
	}
	return 0;
}

int plan_decode(struct plan *plan, uint8_t *bytes, size_t size, struct failure *failure)
{
	*plan = (struct plan){.bytes = bytes};
	*failure = (struct failure){0};
	struct cursor cursor = {bytes, size};
	if (size > PLAN_BYTES_MAX || size % 8 != 0)
		return fail(failure, 0, "", "the plan has a length of %zu bytes", size);
	const struct header *header = take(&cursor, sizeof *header);
	if (!header || header->magic != PLAN_MAGIC || header->version != PLAN_VERSION || header->zero != 0 ||
	        header->size != size) {
		return fail(failure, 0, "", "this is no plan of version %d", PLAN_VERSION);
	}
	if (header->count > PLAN_OPERATIONS_MAX)
		return fail(failure, 0, "", "the plan has %u steps", header->count);

	/* A step's struct is at most 8 bytes larger than its encoding, a list's pointers at most 8 than theirs. */
	struct arena arena = {.left = 3 * size + header->count * (STAGES * sizeof(struct step *) + 64) + 64};
	plan->arena = arena.at = calloc(1, arena.left);
	if (!plan->arena) return fail(failure, ENOMEM, "", NULL);
	if (take_steps(plan, &cursor, &arena, header->count, failure)) return -1;
	return check_shape(plan, failure);
}

void plan_dispose(struct plan *plan)
{
	free(plan->arena);
	free(plan->bytes);
	*plan = (struct plan){0};
}
