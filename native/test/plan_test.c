/* Decoding: what is accepted, what is refused, and that damage of any kind is survived. */
#include "plan.h"

#include <fcntl.h>
#include <string.h>

#include "check.h"

enum { CAPACITY = 4096 };

struct encoded {
	uint8_t bytes[CAPACITY];
	size_t size;
};

static void put(struct encoded *plan, const void *bytes, size_t size)
{
	memcpy(plan->bytes + plan->size, bytes, size);
	plan->size += (size + 7) & ~(size_t)7;
}

static void put_word_pair(struct encoded *plan, uint32_t first, uint32_t second)
{
	uint32_t words[] = {first, second};
	put(plan, words, sizeof words);
}

static void put_int(struct encoded *plan, int64_t value)
{
	put(plan, &value, sizeof value);
}

static void put_text(struct encoded *plan, const char *text)
{
	put_word_pair(plan, (uint32_t)strlen(text), 0);
	put(plan, text, strlen(text) + 1);
}

static void put_operation(
        struct encoded *plan, uint16_t code, uint8_t stage, uint8_t arguments, uint32_t size)
{
	put_word_pair(plan, code | (uint32_t)stage << 16 | (uint32_t)arguments << 24, size);
}

static void seal(struct encoded *plan, uint32_t count)
{
	uint32_t header[] = {0x4e504d53, 1, count, (uint32_t)plan->size};
	memcpy(plan->bytes, header, sizeof header);
}

/* mkdir in the before stage, a plain clone, and an exec of two words. */
static struct encoded sample(void)
{
	struct encoded plan = {.size = 16};
	put_operation(&plan, OPERATION_mkdir, STAGE_BEFORE, 3, 8 + 16 + 8);
	put_int(&plan, -1);
	put_text(&plan, "/tmp/a");
	put_int(&plan, 0755);
	put_operation(&plan, OPERATION_clone, STAGE_BEFORE, 2, 16);
	put_int(&plan, 0);
	put_int(&plan, -1);
	put_operation(&plan, OPERATION_exec, STAGE_CHILD, 2, 8 + 16 + 24 + 8);
	put_word_pair(&plan, 2, 0);
	put_text(&plan, "true");
	put_text(&plan, "12345678");
	put_word_pair(&plan, 0, 0);
	seal(&plan, 3);
	return plan;
}

static int decode(const struct encoded *encoded, struct plan *plan, struct failure *failure)
{
	/* An exact allocation, so that a read beyond it is noticed. */
	uint8_t *copy = malloc(encoded->size);
	CHECK(copy);
	memcpy(copy, encoded->bytes, encoded->size);
	return plan_decode(plan, copy, encoded->size, failure);
}

static void decodes_steps(void)
{
	struct encoded encoded = sample();
	struct plan plan;
	struct failure failure;
	CHECK(decode(&encoded, &plan, &failure) == 0);
	CHECK(plan.counts[STAGE_BEFORE] == 2 && plan.counts[STAGE_PARENT] == 0 &&
	        plan.counts[STAGE_CHILD] == 1);
	const struct mkdir_step *mkdir_step = (const void *)plan.steps[STAGE_BEFORE][0];
	CHECK(mkdir_step->dir == -1 && mkdir_step->mode == 0755 &&
	        strcmp(mkdir_step->path.data, "/tmp/a") == 0);
	const struct exec_step *exec_step = (const void *)plan.steps[STAGE_CHILD][0];
	CHECK(exec_step->argv.count == 2 && strcmp(exec_step->argv.items[1], "12345678") == 0 &&
	        !exec_step->argv.items[2]);
	CHECK(exec_step->env.count == 0 && !exec_step->env.items[0]);
	CHECK(plan.steps[STAGE_BEFORE][1]->index == 1 && plan_has_child(&plan));
	plan_dispose(&plan);
}

static void refuses(const struct encoded *encoded, const char *words)
{
	struct plan plan;
	struct failure failure;
	CHECK(decode(encoded, &plan, &failure) == -1);
	CHECK(strstr(failure.detail, words));
	plan_dispose(&plan);
}

static void refuses_misshapen_plans(void)
{
	struct encoded plan = sample();
	plan.bytes[0] ^= 1;
	refuses(&plan, "no plan of version");
	plan = sample();
	plan.size -= 8;
	refuses(&plan, "no plan of version");
	seal(&plan, 3);
	refuses(&plan, "step 2 of the plan is malformed");
	plan = sample();
	seal(&plan, 2);
	refuses(&plan, "bytes after its last step");
	plan = sample();
	seal(&plan, PLAN_OPERATIONS_MAX + 1);
	refuses(&plan, "8193 steps");
}

static void refuses_steps_out_of_place(void)
{
	struct encoded plan = {.size = 16};
	put_operation(&plan, OPERATION_set_user, STAGE_BEFORE, 0, 0);
	seal(&plan, 1);
	refuses(&plan, "step 0");
	plan = (struct encoded){.size = 16};
	put_operation(&plan, OPERATION_release, STAGE_PARENT, 0, 0);
	seal(&plan, 1);
	refuses(&plan, "no clone");
	plan = (struct encoded){.size = 16};
	put_operation(&plan, OPERATION_clone, STAGE_BEFORE, 2, 16);
	put_int(&plan, 0);
	put_int(&plan, -1);
	seal(&plan, 1);
	refuses(&plan, "does not end with its one exec");
}

static void refuses_hidden_nul(void)
{
	struct encoded plan = {.size = 16};
	put_operation(&plan, OPERATION_hostname, STAGE_CHILD, 1, 16);
	put_word_pair(&plan, 4, 0);
	put(&plan, "a\0bc", 5);
	seal(&plan, 1);
	refuses(&plan, "step 0");
}

/* Every single byte damaged in several ways, and every length cut off: any answer will do but a crash. */
static void survives_damage(void)
{
	static const uint8_t masks[] = {0x01, 0x80, 0xff, 0x10};
	struct plan plan;
	struct failure failure;
	for (size_t at = 0; at < sample().size; at++) {
		for (size_t i = 0; i < sizeof masks; i++) {
			struct encoded damaged = sample();
			damaged.bytes[at] ^= masks[i];
			decode(&damaged, &plan, &failure);
			plan_dispose(&plan);
		}
		struct encoded cut = sample();
		cut.size = at;
		decode(&cut, &plan, &failure);
		plan_dispose(&plan);
	}
}

/* Plans of random operations with random contents, from a fixed seed. */
static void survives_noise(void)
{
	struct plan plan;
	struct failure failure;
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		struct encoded noise = {.size = 16};
		uint32_t count = (uint32_t)random() % 4;
		for (uint32_t i = 0; i < count; i++) {
			uint32_t size = (uint32_t)random() % 12 * 8;
			put_operation(&noise, (uint16_t)(random() % 114), (uint8_t)(random() % 5),
			        (uint8_t)(random() % 11), size);
			for (uint32_t at = 0; at < size; at += 8)
				put_int(&noise, random() % 3 ? random() % 9 : random());
		}
		seal(&noise, count);
		decode(&noise, &plan, &failure);
		plan_dispose(&plan);
	}
}

int main(void)
{
	decodes_steps();
	refuses_misshapen_plans();
	refuses_steps_out_of_place();
	refuses_hidden_nul();
	survives_damage();
	survives_noise();
	return 0;
}
