/* Operations that make a directory the root of the mount namespace. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"
#include "plan.h"

int op_pivot(struct run *run, const struct pivot_step *args, struct failure *failure)
{
	int root = slot_fd(run, args->root, failure);
	if (root < 0) return -1;
	autoclose old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (old < 0) return fail(failure, errno, "", "the old root");
	/* With both paths ".", the old root ends up stacked on the new one, where it needs no directory of its own. */
	if (fchdir(root) != 0 || syscall(SYS_pivot_root, ".", ".") != 0)
		return fail(failure, errno, "", NULL);
	/* The detaching must not travel to the host's mounts. "." is still the new root: only umount2 looks at what is on top. */
	if (fchdir(old) != 0 || mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) != 0)
		return fail(failure, errno, "", "the old root's propagation");
	if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) return fail(failure, errno, "", "the old root");
	return 0;
}

int op_move_root(struct run *run, const struct move_root_step *args, struct failure *failure)
{
	int root = slot_fd(run, args->root, failure);
	if (root < 0) return -1;
	if (fchdir(root) != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0)
		return fail(failure, errno, "", NULL);
	return chroot(".") == 0 && chdir("/") == 0 ? 0 : fail(failure, errno, "", NULL);
}
