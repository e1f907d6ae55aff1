#ifndef SAMPAN_RELAY_H
#define SAMPAN_RELAY_H

#include "run.h"

/* Relays a published UDP port; takes the socket over. */
void datagrams_open(const struct published *published);

/* Closes all ports; what was under way to the container is lost with it. */
void datagrams_close(void);

#endif
