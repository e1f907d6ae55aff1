/* Whom the kernel kills when memory runs out: the supervisor last, what it starts as if it had never been protected. */
#ifndef SAMPAN_OOMSCORE_H
#define SAMPAN_OOMSCORE_H

#include <sys/types.h>

/* Protects this process. Without the privilege it stays as it is. */
void oom_score_protect(void);

/* Gives a child back what this process had before it was protected. -1 with errno. */
int oom_score_restore(pid_t child);

#endif
