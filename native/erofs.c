/* The erofs operation. Its paths are Sampan's own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "cleanup.h"
#include "mounts.h"
#include "plan.h"

/* fsconfig(2) takes strings of up to 255 bytes. */
enum { TEXT = 256, LOOP_ATTEMPTS = 64 };

/* What an EROFS filesystem is made of: files, or the loop devices over them. `devices` ends with NULL. */
struct source {
	const char *image;
	const char *const *devices;
	size_t count;
};

static int make_erofs(const struct source *source, const char *subject, struct failure *failure)
{
	autofree const char **options = calloc(source->count + 2, sizeof *options);
	autofree char(*texts)[TEXT] = calloc(source->count + 1, TEXT);
	if (!options || !texts) return fail(failure, ENOMEM, subject, NULL);
	/* A read-only loop device takes a filesystem that says so too. */
	options[0] = "ro";
	for (size_t i = 0; i < source->count; i++) {
		if (snprintf(texts[i], TEXT, "device=%s", source->devices[i]) >= TEXT) {
			return fail(failure, ENAMETOOLONG, source->devices[i], NULL);
		}
		options[i + 1] = texts[i];
	}
	struct filesystem filesystem = {"erofs", source->image, options, MOUNT_ATTR_RDONLY};
	return make_filesystem(&filesystem, subject, failure);
}

/* A read-only loop device over `path` that goes away with its last user. Another process may take the free one first. */
static int open_loop(const char *path, char device[TEXT])
{
	autoclose file = open(path, O_RDONLY | O_CLOEXEC);
	autoclose control = file < 0 ? -1 : open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0) return -1;
	for (int attempt = 0; attempt < LOOP_ATTEMPTS; attempt++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);
		if (number < 0) return -1;
		snprintf(device, TEXT, "/dev/loop%d", number);
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

/* The image is the last of the loops. Their descriptors stay open until the mount holds the devices. */
static int make_over_loops(const struct erofs_step *args, struct failure *failure)
{
	size_t count = args->devices.count;
	autofree int *loops = calloc(count + 1, sizeof *loops);
	autofree char(*paths)[TEXT] = calloc(count + 1, TEXT);
	autofree const char **devices = calloc(count + 1, sizeof *devices);
	if (!loops || !paths || !devices) return fail(failure, ENOMEM, args->image.data, NULL);
	int tree = -1;
	size_t opened = 0;
	for (; opened <= count; opened++) {
		const char *file = opened < count ? args->devices.items[opened] : args->image.data;
		loops[opened] = open_loop(file, paths[opened]);
		if (loops[opened] < 0) {
			fail(failure, errno, file, "loop device");
			break;
		}
		if (opened < count) devices[opened] = paths[opened];
	}
	struct source source = {paths[count], devices, count};
	if (opened > count) tree = make_erofs(&source, args->image.data, failure);
	while (opened > 0) close_fd(&loops[--opened]);
	return tree;
}

int op_erofs(struct run *run, const struct erofs_step *args, struct failure *failure)
{
	(void)run;
	struct source files = {args->image.data, args->devices.items, args->devices.count};
	autoclose tree = make_erofs(&files, args->image.data, failure);
	/* Kernels before 6.12 want block devices. */
	bool needs_devices = tree < 0 && (failure->errnum == ENOTBLK || failure->errnum == EINVAL);
	if (needs_devices) tree = make_over_loops(args, failure);
	if (tree < 0) return -1;
	autoclose target = open(args->target.data, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target >= 0 && attach_mount(tree, target) == 0) return 0;
	return fail(failure, errno, args->target.data, NULL);
}
