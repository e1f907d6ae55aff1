/* Telling a client what others change in the kernel's packet filter, and that an interface of its has gone; `watchNetfilter` of a plan begins it. */
#ifndef SAMPAN_NETLINK_WATCH_H
#define SAMPAN_NETLINK_WATCH_H

#include <stdbool.h>

/* Whether the plan that this process carried out asked for it. */
bool watch_wanted(void);

/* Sends a FRAME_RESULT for each transaction until the client hangs up. Returns the exit status of this process. */
int watch_serve(int connection);

#endif
