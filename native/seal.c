/* Running from a sealed copy; see seal.h. */
#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "cleanup.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

static const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

/* Kernels before 6.3 do not know MFD_EXEC, later ones may be set up to demand it. */
static int create_copy(void)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("sampan-launcher", flags | MFD_EXEC);
	return fd < 0 && errno == EINVAL ? memfd_create("sampan-launcher", flags) : fd;
}

static int copy_file(int from, int to)
{
	struct stat status;
	if (fstat(from, &status) != 0) return -1;
	for (off_t left = status.st_size; left > 0;) {
		ssize_t sent = sendfile(to, from, NULL, (size_t)left);
		if (sent < 0) return -1;
		if (sent == 0) break;
		left -= sent;
	}
	return 0;
}

int seal_program(char **argv)
{
	autoclose program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (program < 0) return -1;
	int present = fcntl(program, F_GET_SEALS);
	if (present >= 0 && (present & seals) == seals) return 0;
	autoclose copy = create_copy();
	if (copy < 0 || copy_file(program, copy) != 0 || fcntl(copy, F_ADD_SEALS, seals) != 0) return -1;
	fexecve(copy, argv, environ);
	return -1;
}
