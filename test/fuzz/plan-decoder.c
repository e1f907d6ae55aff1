/*
 * Decodes plans from standard input, each behind its size (u32, native order), and prints for each one byte: `+` for a plan that was
 * accepted, `-` for one that was refused. Nothing is carried out. Built and fed by plan.ts.
 */
#include "operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile uint64_t touched;

static void touch(const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) touched += ((const uint8_t *)bytes)[i];
}

/* Everything that an operation may rely on: the bytes are there, texts end where they say, lists with NULL. */
static void use_argument(char kind, const uint8_t *argument)
{
	struct text text;
	struct texts texts;
	struct ints ints;
	memcpy(&text, argument, kind == 'i' ? sizeof(int64_t) : sizeof text);
	memcpy(&texts, argument, kind == 'i' ? sizeof(int64_t) : sizeof texts);
	memcpy(&ints, argument, kind == 'i' ? sizeof(int64_t) : sizeof ints);
	if (kind == 't' && strlen(text.data) != text.size) abort();
	if (kind == 'b') touch(text.data, text.size);
	if (kind == 'I') touch(ints.items, ints.count * sizeof *ints.items);
	if (kind != 'T') return;
	if (texts.items[texts.count]) abort();
	for (size_t i = 0; i < texts.count; i++) touch(texts.items[i], strlen(texts.items[i]) + 1);
}

static void use_plan(const struct plan *plan)
{
	for (int stage = 0; stage < STAGES; stage++) {
		for (uint32_t i = 0; i < plan->counts[stage]; i++) {
			const struct step *step = plan->steps[stage][i];
			const uint8_t *argument = (const uint8_t *)(step + 1);
			if (step->stage != stage || step->index != i) abort();
			for (const char *kind = operation_find(step->operation)->kinds; *kind; kind++) {
				use_argument(*kind, argument);
				argument += *kind == 'i' ? sizeof(int64_t) : sizeof(struct text);
			}
		}
	}
}

int main(void)
{
	uint32_t size;
	/* Its end names the plan that crashed. */
	setvbuf(stdout, NULL, _IONBF, 0);
	while (fread(&size, sizeof size, 1, stdin) == 1) {
		/* Exactly as large as the plan: one byte further is the sanitizer's. */
		uint8_t *bytes = malloc(size ? size : 1);
		struct failure failure;
		struct plan plan;
		if (!bytes || fread(bytes, 1, size, stdin) != size) return 2;
		bool accepted = plan_decode(&plan, bytes, size, &failure) == 0;
		if (accepted) use_plan(&plan);
		if (!accepted) free(failure_json(&failure));
		free(plan.arena);
		free(plan.bytes);
		putchar(accepted ? '+' : '-');
	}
	return 0;
}
