/* The last step of a child: finding the program and becoming it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "child.h"
#include "cleanup.h"

/* Where the status socket lives while every other descriptor is gone. */
enum { STATUS_FD = 3 };

/*
 * Nothing of the host may be open while paths of the container are looked up: /proc/self/fd would lead there (CVE-2024-21626).
 * The status socket stays: it is no way to anywhere.
 */
static int close_descriptors(struct child_settings *settings)
{
	if (settings->status != STATUS_FD && dup3(settings->status, STATUS_FD, O_CLOEXEC) < 0) return -1;
	settings->status = STATUS_FD;
	return (int)syscall(SYS_close_range, STATUS_FD + 1, UINT_MAX, 0);
}

static int check_environment(const struct exec_step *args, struct failure *failure)
{
	for (size_t i = 0; i < args->env.count; i++) {
		const char *entry = args->env.items[i];
		if (*entry == '=' || !strchr(entry, '='))
			return fail(failure, EINVAL, entry, "environment entry without a name or '='");
	}
	return args->argv.count > 0 && *args->argv.items[0] ? 0 : fail(failure, EINVAL, "", "no command");
}

/* The value that the program will see: the last one counts. NULL if unset. */
static const char *environment_value(struct texts env, const char *name)
{
	size_t size = strlen(name);
	for (size_t i = env.count; i > 0; i--) {
		if (strncmp(env.items[i - 1], name, size) == 0 && env.items[i - 1][size] == '=')
			return env.items[i - 1] + size + 1;
	}
	return NULL;
}

/* 0 if `path` can be run by this user, else -1 with errno; `missing` is set where there is no such file at all. */
static int check_program(const char *path, bool *missing)
{
	struct stat status;
	*missing = stat(path, &status) != 0;
	if (*missing) return -1;
	if (S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0) return -1;
	if (status.st_mode & 0111) return 0;
	errno = EACCES;
	return -1;
}

/* As a shell would: the first directory of PATH that has it as something that can be run. */
static int find_in_path(const char *name, const char *path, char found[PATH_MAX])
{
	bool missing;
	for (const char *start = path; start;) {
		size_t size = strcspn(start, ":");
		int written = size == 0 ? snprintf(found, PATH_MAX, "./%s", name)
		                        : snprintf(found, PATH_MAX, "%.*s/%s", (int)size, start, name);
		if (written < PATH_MAX && check_program(found, &missing) == 0) return 0;
		start = start[size] ? start + size + 1 : NULL;
	}
	return -1;
}

static int find_program(const struct exec_step *args, char found[PATH_MAX], struct failure *failure)
{
	const char *name = args->argv.items[0];
	bool missing;
	if (!strchr(name, '/')) {
		const char *path = environment_value(args->env, "PATH");
		if (path && find_in_path(name, path, found) == 0) return 0;
		return fail(failure, ENOENT, name, "not found in $PATH");
	}
	if (snprintf(found, PATH_MAX, "%s", name) >= PATH_MAX)
		return fail(failure, ENAMETOOLONG, name, "stat");
	if (check_program(found, &missing) == 0) return 0;
	return fail(failure, errno, name, missing ? "stat" : "lookup");
}

/* The environment as given, with HOME of the resolved user where there is none. */
static const char **complete_environment(const struct run *run, struct texts env)
{
	if (environment_value(env, "HOME")) return env.items;
	const char *home = run->user.home ? run->user.home : "/";
	const char **items = calloc(env.count + 2, sizeof *items);
	char *entry = malloc(strlen(home) + sizeof "HOME=");
	if (!items || !entry) return NULL;
	memcpy(items, env.items, env.count * sizeof *items);
	sprintf(entry, "HOME=%s", home);
	items[env.count] = entry;
	return items;
}

static int load_filter(const struct child_settings *settings)
{
	if (!settings->filter.filter) return 0;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, settings->filter_flags, &settings->filter);
}

/*
 * A standard stream that nobody wanted is the host's /dev/null so far, whose mode a container's root could change through
 * /proc/self/fd. The container has its own.
 */
static int reopen_null(struct failure *failure)
{
	struct stat status;
	for (int fd = 0; fd < 3; fd++) {
		if (fstat(fd, &status) != 0) return fail(failure, errno, "", "standard streams");
		if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) continue;
		autoclose null = open("/dev/null", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		/* A plan whose device rules deny even this one keeps what it has. */
		if (null < 0 && errno == EPERM) continue;
		if (null < 0 || fstat(null, &status) != 0) return fail(failure, errno, "/dev/null", NULL);
		if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
			return fail(failure, 0, "/dev/null", "it is not the null device");
		if (dup2(null, fd) < 0) return fail(failure, errno, "", "standard streams");
	}
	return 0;
}

int op_exec(struct run *run, const struct exec_step *args, struct failure *failure)
{
	char program[PATH_MAX];
	if (check_environment(args, failure) != 0) return -1;
	const char **environment = complete_environment(run, args->env);
	if (!environment) return fail(failure, ENOMEM, args->argv.items[0], NULL);
	if (child_await(run->settings, WORD_FINISHED) != 0) return fail(failure, ECANCELED, "", NULL);
	if (reopen_null(failure) != 0) return -1;
	if (close_descriptors(run->settings) != 0) return fail(failure, errno, "", "closing descriptors");
	if (find_program(args, program, failure) != 0) return -1;
	umask(run->settings->umask);
	run->report->execing = true;
	if (load_filter(run->settings) != 0) return fail(failure, errno, "", "loading the seccomp filter");
	execve(program, (char *const *)(uintptr_t)args->argv.items, (char *const *)(uintptr_t)environment);
	return fail(failure, errno, program, "execve");
}
