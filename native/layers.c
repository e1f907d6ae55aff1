/* Operations that mount image layers. Their paths are Sampan's own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cleanup.h"
#include "mounts.h"
#include "path.h"
#include "plan.h"

/* mount(2) takes options up to a page; fsconfig(2) takes strings of up to 255 bytes. */
enum { OPTIONS_MAX = 4096, LOOP_ATTEMPTS = 64, PATH_TEXT = 256 };

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

/* --- EROFS ----------------------------------------------------------------------------------------------------------------- */

/* A read-only loop device over `path` that goes away with its last user. Another process may take the free one first. */
static int open_loop(const char *path, char device[32])
{
	autoclose file = open(path, O_RDONLY | O_CLOEXEC);
	autoclose control = file < 0 ? -1 : open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0) return -1;
	for (int attempt = 0; attempt < LOOP_ATTEMPTS; attempt++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0) return -1;
		snprintf(device, 32, "/dev/loop%d", number);
		autoclose loop = open(device, O_RDONLY | O_CLOEXEC);
		if (loop < 0) return -1;
		struct loop_config config = {
		        .fd = (uint32_t)file,
		        .info = {.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_READ_ONLY},
		};
		if (ioctl(loop, LOOP_CONFIGURE, &config) == 0) return keep_fd(&loop);
		if (errno != EBUSY) return -1;
	}
	return -1;
}

static int mount_files(const struct erofs_step *args, const char *const *options, struct failure *failure)
{
	struct filesystem filesystem = {"erofs", args->image.data, options, MOUNT_ATTR_RDONLY};
	return make_filesystem(&filesystem, args->image.data, failure);
}

/* The loop devices' descriptors stay open until the mount holds the devices. */
static int mount_loops(const struct erofs_step *args, struct failure *failure)
{
	enum { NAME = 48 };
	size_t count = args->devices.count;
	autofree int *loops = calloc(count + 1, sizeof *loops);
	autofree char(*names)[NAME] = calloc(count + 1, NAME);
	autofree const char **options = calloc(count + 1, sizeof *options);
	if (!loops || !names || !options) return fail(failure, ENOMEM, args->image.data, NULL);
	size_t opened = 0;
	int tree = -1;
	for (; opened <= count; opened++) {
		const char *path = opened < count ? args->devices.items[opened] : args->image.data;
		char device[32];
		loops[opened] = open_loop(path, device);
		if (loops[opened] < 0) {
			fail(failure, errno, path, "loop device");
			goto done;
		}
		snprintf(names[opened], NAME, opened < count ? "device=%s" : "%s", device);
		if (opened < count) options[opened] = names[opened];
	}
	struct filesystem filesystem = {"erofs", names[count], options, MOUNT_ATTR_RDONLY};
	tree = make_filesystem(&filesystem, args->image.data, failure);
done:
	for (size_t i = 0; i < opened; i++) close_fd(&loops[i]);
	return tree;
}

int op_erofs(struct run *run, const struct erofs_step *args, struct failure *failure)
{
	(void)run;
	size_t count = args->devices.count;
	autofree const char **options = calloc(count + 1, sizeof *options);
	autofree char *text = malloc(count * (PATH_TEXT + 8) + 1);
	if (!options || !text) return fail(failure, ENOMEM, args->image.data, NULL);
	for (size_t i = 0; i < count; i++) {
		char *option = text + i * (PATH_TEXT + 8);
		if (snprintf(option, PATH_TEXT + 8, "device=%s", args->devices.items[i]) >= PATH_TEXT + 8) {
			return fail(failure, ENAMETOOLONG, args->devices.items[i], NULL);
		}
		options[i] = option;
	}
	autoclose tree = mount_files(args, options, failure);
	/* Kernels before 6.12 want block devices. */
	if (tree < 0 && (failure->errnum == ENOTBLK || failure->errnum == EINVAL))
		tree = mount_loops(args, failure);
	if (tree < 0) return -1;
	autoclose target = open(args->target.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target >= 0 && attach_mount(tree, target) == 0) return 0;
	return fail(failure, errno, args->target.data, NULL);
}
