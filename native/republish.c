/* PUBLISH: other published ports for a container that runs. */
#include "republish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failure.h"
#include "relay.h"
#include "supervisor.h"

bool published_alike(const struct published *one, const struct published *other)
{
	return one->protocol == other->protocol && one->host_size == other->host_size &&
	       memcmp(&one->host, &other->host, one->host_size) == 0;
}

const struct published *published_find(const struct published *list, size_t count, const struct published *wanted)
{
	for (size_t i = 0; i < count; i++)
		if (published_alike(&list[i], wanted))
			return &list[i];
	return NULL;
}

static int decode(struct plan *plan, const uint8_t *bytes, size_t size, struct failure *failure)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return fail(failure, ENOMEM, "", NULL);
	memcpy(copy, bytes, size);
	if (plan_decode(plan, copy, size, failure) != 0)
		return -1;
	for (enum stage stage = 0; stage < STAGES; stage++) {
		uint16_t only = stage == STAGE_BEFORE ? OPERATION_publish : OPERATION_netlink;

		for (uint32_t i = 0; i < plan->counts[stage]; i++)
			if (plan->steps[stage][i]->operation != only)
				return fail(failure, 0, "", "the plan does other things than to publish");
	}
	return 0;
}

static const struct publish_step *step_at(const struct plan *plan, size_t index)
{
	return (const struct publish_step *)(const void *)plan->steps[STAGE_BEFORE][index];
}

/* Binds what is not bound already. Returns -1 with the failure. */
static int bind_missing(const struct plan *plan, struct published *list, struct failure *failure)
{
	for (uint32_t i = 0; i < plan->counts[STAGE_BEFORE]; i++) {
		const struct publish_step *step = step_at(plan, i);

		if (publish_parse(step, &list[i], failure) == 0 &&
		    (relay_has(&list[i]) || publish_bind(step, &list[i], failure) == 0))
			continue;
		failure->stage = STAGE_BEFORE;
		failure->operation = OPERATION_publish;
		failure->index = i;
		return -1;
	}
	return 0;
}

static struct published *bind_all(const struct plan *plan, struct failure *failure)
{
	size_t count = plan->counts[STAGE_BEFORE];
	struct published *list = calloc(count + 1, sizeof(*list));

	if (!list) {
		fail(failure, ENOMEM, "", NULL);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		list[i].fd = -1;
	if (bind_missing(plan, list, failure) == 0)
		return list;
	for (size_t i = 0; i < count; i++)
		if (list[i].fd >= 0)
			close(list[i].fd);
	free(list);
	return NULL;
}

int republish(struct run *run, const uint8_t *bytes, size_t size, struct failure *failure)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	struct published *list = NULL;

	*failure = (struct failure){ 0 };
	if (!plan)
		return fail(failure, ENOMEM, "", NULL);
	if (decode(plan, bytes, size, failure) == 0)
		list = bind_all(plan, failure);
	if (!list) {
		plan_dispose(plan);
		free(plan);
		return -1;
	}
	relay_replace(list, plan->counts[STAGE_BEFORE]);
	free(list);
	if (run->unpublish)
		plan_dispose(run->unpublish);
	free(run->unpublish);
	run->unpublish = plan;
	return 0;
}
