#ifndef SAMPAN_STDIN_H
#define SAMPAN_STDIN_H

#include "hub.h"

/* Passes on what waits in `typed`. Returns false while the process does not take it. */
bool stdin_flush(struct client *client);
/* Passes on what has come of the current STDIN frame. Returns false when nothing more can be done now. */
bool stdin_take(struct client *client);
/* The client has no more input. */
void stdin_end(struct client *client);

#endif
