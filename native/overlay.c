/* The overlay operation. Its paths are Sampan's own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "plan.h"

/* mount(2) takes options up to a page. */
enum { OPTIONS_MAX = 4096 };

/* The older call has its own flags for what MOUNT_ATTR_* says. */
static unsigned long mount_flags(uint64_t attributes)
{
	unsigned long flags = 0;
	if (attributes & MOUNT_ATTR_RDONLY) flags |= MS_RDONLY;
	if (attributes & MOUNT_ATTR_NOSUID) flags |= MS_NOSUID;
	if (attributes & MOUNT_ATTR_NODEV) flags |= MS_NODEV;
	if (attributes & MOUNT_ATTR_NOEXEC) flags |= MS_NOEXEC;
	if (attributes & MOUNT_ATTR_NODIRATIME) flags |= MS_NODIRATIME;
	if ((attributes & MOUNT_ATTR__ATIME) == MOUNT_ATTR_NOATIME) flags |= MS_NOATIME;
	if ((attributes & MOUNT_ATTR__ATIME) == MOUNT_ATTR_STRICTATIME) flags |= MS_STRICTATIME;
	return flags;
}

/* Appends `prefix`, then `items` with colons between them; false when the page is full. */
static bool append(char options[OPTIONS_MAX], const char *prefix, const char *const *items)
{
	size_t used = strlen(options);
	int written = snprintf(options + used, OPTIONS_MAX - used, "%s%s", used ? "," : "", prefix);
	for (size_t i = 0; items[i]; i++) {
		used += (size_t)written;
		if (used >= OPTIONS_MAX) return false;
		written = snprintf(options + used, OPTIONS_MAX - used, "%s%s", i ? ":" : "", items[i]);
	}
	return used + (size_t)written < OPTIONS_MAX;
}

static bool overlay_options(const struct overlay_step *args, char options[OPTIONS_MAX])
{
	const char *upper[] = {args->upper.data, NULL};
	const char *work[] = {args->work.data, NULL};
	static const char *const nothing[] = {NULL};
	options[0] = 0;
	if (!append(options, "lowerdir=", args->lower.items)) return false;
	if (args->upper.size > 0 &&
	        (!append(options, "upperdir=", upper) || !append(options, "workdir=", work)))
		return false;
	for (size_t i = 0; i < args->options.count; i++) {
		if (!append(options, args->options.items[i], nothing)) return false;
	}
	return true;
}

int op_overlay(struct run *run, const struct overlay_step *args, struct failure *failure)
{
	(void)run;
	char options[OPTIONS_MAX];
	if (!overlay_options(args, options))
		return fail(failure, E2BIG, args->target.data, "%zu layers", args->lower.count);
	if (chdir(args->layers_dir.data) != 0) return fail(failure, errno, args->layers_dir.data, NULL);
	int result = mount(
	        "overlay", args->target.data, "overlay", mount_flags((uint64_t)args->attributes), options);
	int reason = errno;
	if (chdir("/") != 0) return fail(failure, errno, "/", NULL);
	return result == 0 ? 0 : fail(failure, reason, args->target.data, "%.512s", options);
}
