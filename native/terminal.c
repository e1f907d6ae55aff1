/* The terminal of the new process. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "child.h"
#include "cleanup.h"
#include "mounts.h"
#include "path.h"

/* The container's own devpts, or nothing: an image could hold any file there. */
static int open_master(int root, struct failure *failure)
{
	autoclose master = open_inside(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0, RESOLVE_NO_SYMLINKS);
	struct stat status;
	if (master < 0 || fstat(master, &status) != 0) return fail(failure, errno, "/dev/pts/ptmx", NULL);
	if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2) ||
	        !on_filesystem(master, DEVPTS_SUPER_MAGIC)) {
		return fail(failure, 0, "/dev/pts/ptmx", "it is no terminal multiplexer");
	}
	return keep_fd(&master);
}

static int open_slave(int master, const struct terminal_step *args, struct failure *failure)
{
	int unlocked = 0;
	if (ioctl(master, TIOCSPTLCK, &unlocked) != 0)
		return fail(failure, errno, "/dev/pts/ptmx", "unlocking");
	if (args->rows > 0 && args->columns > 0) {
		struct winsize size = {
		        .ws_row = (unsigned short)args->rows, .ws_col = (unsigned short)args->columns};
		if (ioctl(master, TIOCSWINSZ, &size) != 0)
			return fail(failure, errno, "/dev/pts/ptmx", "window size");
	}
	int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return slave < 0 ? fail(failure, errno, "/dev/pts/ptmx", "opening its peer") : slave;
}

/* The slave over /dev/console, by its descriptor: there is no path to be led astray by. */
static int bind_console(int root, int slave, struct failure *failure)
{
	const char *name;
	autoclose parent = make_parent(root, "/dev/console", &name);
	if (parent < 0) return fail(failure, errno, "/dev/console", NULL);
	autoclose made = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
	autoclose target = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	if (target < 0 || fstat(target, &status) != 0) return fail(failure, errno, "/dev/console", NULL);
	if (!S_ISREG(status.st_mode) && !S_ISCHR(status.st_mode))
		return fail(failure, 0, "/dev/console", "it is neither file nor device");
	if (on_filesystem(target, PROC_SUPER_MAGIC) || on_filesystem(target, SYSFS_MAGIC)) {
		return fail(failure, EPERM, "/dev/console", "it lies on procfs or sysfs");
	}
	autoclose tree = clone_mount(slave, false);
	if (tree < 0 || attach_mount(tree, target) != 0) return fail(failure, errno, "/dev/console", NULL);
	return 0;
}

int op_terminal(struct run *run, const struct terminal_step *args, struct failure *failure)
{
	autoclose root = root_open(run, args->root, failure);
	autoclose master = root < 0 ? -1 : open_master(root, failure);
	autoclose slave = master < 0 ? -1 : open_slave(master, args, failure);
	if (slave < 0) return -1;
	if (args->console && bind_console(root, slave, failure) != 0) return -1;
	if (child_send(run->settings->status, WORD_TERMINAL, 0, master) != 0)
		return fail(failure, errno, "", "handing the master over");
	for (int fd = 0; fd < 3; fd++) {
		if (dup2(slave, fd) < 0) return fail(failure, errno, "", "standard streams");
	}
	return ioctl(0, TIOCSCTTY, 0) == 0 ? 0 : fail(failure, errno, "", "controlling terminal");
}
