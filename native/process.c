/* Operations on the attributes of the new process. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"
#include "path.h"

enum { IOPRIO_PROCESS = 1 };

int op_hostname(struct run *run, const struct hostname_step *args, struct failure *failure)
{
	(void)run;
	return sethostname(args->name.data, args->name.size) == 0
	               ? 0
	               : fail(failure, errno, args->name.data, NULL);
}

int op_domainname(struct run *run, const struct domainname_step *args, struct failure *failure)
{
	(void)run;
	return setdomainname(args->name.data, args->name.size) == 0
	               ? 0
	               : fail(failure, errno, args->name.data, NULL);
}

static int write_procfs(const char *path, struct text value, struct failure *failure)
{
	autoclose fd = procfs_file(path, O_WRONLY);
	if (fd >= 0 && write(fd, value.data, value.size) == (ssize_t)value.size) return 0;
	return fail(failure, errno, path, NULL);
}

/* The host's procfs shows each process the values of its own namespaces, so the container's is never needed. */
int op_sysctl(struct run *run, const struct sysctl_step *args, struct failure *failure)
{
	(void)run;
	char path[512];
	int size = snprintf(path, sizeof path, "sys/%s", args->path.data);
	if (size >= (int)sizeof path || strstr(path, ".."))
		return fail(failure, EINVAL, args->path.data, NULL);
	if (write_procfs(path, args->value, failure) == 0) return 0;
	return fail(failure, failure->errnum, args->path.data, NULL);
}

int op_rlimit(struct run *run, const struct rlimit_step *args, struct failure *failure)
{
	(void)run;
	struct rlimit limit = {(rlim_t)args->soft, (rlim_t)args->hard};
	if (setrlimit((__rlimit_resource_t)args->resource, &limit) == 0) return 0;
	return fail(failure, errno, "", "resource %lld", (long long)args->resource);
}

int op_umask(struct run *run, const struct umask_step *args, struct failure *failure)
{
	(void)failure;
	run->settings->umask = (mode_t)args->mask & 0777;
	return 0;
}

int op_no_new_privileges(struct run *run, const struct no_new_privileges_step *args, struct failure *failure)
{
	(void)args;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail(failure, errno, "", NULL);
	run->settings->no_new_privileges = true;
	return 0;
}

int op_seccomp(struct run *run, const struct seccomp_step *args, struct failure *failure)
{
	size_t count = args->program.size / sizeof(struct sock_filter);
	if (args->program.size % sizeof(struct sock_filter) != 0 || count == 0 || count > BPF_MAXINSNS) {
		return fail(failure, EINVAL, "", "a filter of %zu bytes", args->program.size);
	}
	run->settings->filter = (struct sock_fprog){
	        .len = (unsigned short)count,
	        .filter = (struct sock_filter *)(uintptr_t)args->program.data,
	};
	run->settings->filter_flags = (unsigned)args->flags;
	return 0;
}

/* A directory that lies outside the root has no path from it: the kernel then says "(unreachable)". */
static bool inside_root(void)
{
	char path[4096];
	return syscall(SYS_getcwd, path, sizeof path) > 0 && path[0] == '/';
}

int op_working_directory(struct run *run, const struct working_directory_step *args, struct failure *failure)
{
	const char *path = args->path.data;
	autoclose root = root_open(run, HOST, failure);
	if (root < 0) return -1;
	autoclose fd = open_inside(root, path, O_PATH | O_DIRECTORY, 0, 0);
	if (fd < 0 && errno == ENOENT && args->create)
		fd = make_directories(root, path, (struct ownership){0755, geteuid(), getegid()});
	if (fd < 0 || fchdir(fd) != 0) return fail(failure, errno, path, NULL);
	return inside_root() ? 0 : fail(failure, EPERM, path, "it lies outside the container's root");
}

/* Whoever holds the key may search it: the container's users change after this. Kernels without keys are fine. */
int op_keyring(struct run *run, const struct keyring_step *args, struct failure *failure)
{
	(void)run;
	enum { USER_SEARCH = 0x080000 };
	long key = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, args->name.data, 0, 0, 0);
	if (key < 0) return errno == ENOSYS ? 0 : fail(failure, errno, args->name.data, NULL);

	char text[512] = "";
	unsigned permissions;
	syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, text, sizeof text - 1, 0);
	if (sscanf(text, "%*[^;];%*d;%*d;%x;", &permissions) != 1)
		return fail(failure, 0, args->name.data, "no description");
	if (syscall(SYS_keyctl, KEYCTL_SETPERM, key, permissions | USER_SEARCH, 0, 0) == 0) return 0;
	return fail(failure, errno, args->name.data, NULL);
}

int op_io_priority(struct run *run, const struct io_priority_step *args, struct failure *failure)
{
	(void)run;
	return syscall(SYS_ioprio_set, IOPRIO_PROCESS, 0, (int)args->value) == 0
	               ? 0
	               : fail(failure, errno, "", NULL);
}

int op_personality(struct run *run, const struct personality_step *args, struct failure *failure)
{
	(void)run;
	return personality((unsigned long)args->value) >= 0 ? 0 : fail(failure, errno, "", NULL);
}

int op_security_label(struct run *run, const struct security_label_step *args, struct failure *failure)
{
	(void)run;
	char path[128];
	int size = snprintf(path, sizeof path, "thread-self/attr/%s", args->file.data);
	if (size >= (int)sizeof path || strstr(args->file.data, ".."))
		return fail(failure, EINVAL, args->file.data, NULL);
	return write_procfs(path, args->label, failure);
}
