/* The supervisor's OOM score; see oomscore.h. */
#include "oomscore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "path.h"

/* Nothing else of a container's is worth more; the kernel's own way out, -1000, is left to the host's administrator. */
static const int protected_score = -999;

static bool is_protected;
static char earlier[16];

static int write_score(const char *path, const char *score)
{
	autoclose fd = procfs_file(path, O_WRONLY);
	return fd >= 0 && write(fd, score, strlen(score)) == (ssize_t)strlen(score) ? 0 : -1;
}

void oom_score_protect(void)
{
	char score[16];
	autoclose fd = procfs_file("self/oom_score_adj", O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, earlier, sizeof earlier - 1);
	if (size <= 0) return;
	earlier[size] = 0;
	if (atoi(earlier) <= protected_score) return;
	snprintf(score, sizeof score, "%d", protected_score);
	is_protected = write_score("self/oom_score_adj", score) == 0;
}

int oom_score_restore(pid_t child)
{
	char path[48];
	if (!is_protected) return 0;
	snprintf(path, sizeof path, "%d/oom_score_adj", child);
	return write_score(path, earlier);
}
