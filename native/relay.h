#ifndef SAMPAN_RELAY_H
#define SAMPAN_RELAY_H

#include "plan.h"

/* What a `publish` step says, without a socket yet; and with one (publish.c). Both return -1 with the failure. */
int publish_parse(const struct publish_step *step, struct published *published, struct failure *failure);
int publish_bind(const struct publish_step *step, struct published *published, struct failure *failure);

/* Whether both are the same port of the host. */
bool published_alike(const struct published *one, const struct published *other);
/* The one of `list` that is the same port of the host, or NULL. */
const struct published *published_find(const struct published *list, size_t count, const struct published *wanted);

/* Relays a published UDP port; takes the socket over. */
void datagrams_open(const struct published *published);

/* Whether that port is open. */
bool datagrams_has(const struct published *published);

/* Closes the ports that are not in the list, and leads the others to where the list says. */
void datagrams_retain(const struct published *list, size_t count);

/* Closes all ports; what was under way to the container is lost with it. */
void datagrams_close(void);

#endif
