/*
 * What the kernel alone takes for a container: new namespaces, an overlay, the usual mounts, a new root, one program, and the end of it all.
 * Usage: bare LOWER UPPER WORK TARGET RUNS [net]. Prints the median in microseconds.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct setup {
	const char *target;
	char options[4096];
};

static void check(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		_exit(1);
	}
}

static void mount_at(const char *root, const char *path, const char *type, const char *data)
{
	char target[512];
	snprintf(target, sizeof target, "%s%s", root, path);
	check(mount(type, target, type, MS_NOSUID | MS_NOEXEC, data), target);
}

static int contain(void *argument)
{
	struct setup *setup = argument;
	char *const argv[] = { "/bin/true", NULL };
	check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private /");
	check(mount("overlay", setup->target, "overlay", 0, setup->options), "overlay");
	mount_at(setup->target, "/proc", "proc", NULL);
	mount_at(setup->target, "/dev", "tmpfs", "mode=755,size=65536k");
	mount_at(setup->target, "/sys", "sysfs", NULL);
	check(chdir(setup->target), "chdir");
	check((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	check(umount2(".", MNT_DETACH), "umount");
	check(sethostname("bare", 4), "sethostname");
	execv(argv[0], argv);
	perror("exec");
	_exit(127);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static char stack[1 << 20];
	struct setup setup;
	if (argc < 6) return 2;
	int runs = atoi(argv[5]);
	int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD;
	if (argc > 6) flags |= CLONE_NEWNET;
	double *times = calloc((size_t)runs, sizeof *times);
	setup.target = argv[4];
	snprintf(setup.options, sizeof setup.options, "lowerdir=%s,upperdir=%s,workdir=%s", argv[1], argv[2], argv[3]);
	for (int run = 0; run < runs; run++) {
		int status;
		double begin = now();
		pid_t child = clone(contain, stack + sizeof stack, flags, &setup);
		check(child, "clone");
		check(waitpid(child, &status, 0), "waitpid");
		if (status != 0) return 1;
		times[run] = now() - begin;
	}
	qsort(times, (size_t)runs, sizeof *times, ascending);
	printf("%.0f\n", times[runs / 2]);
	free(times);
	return 0;
}
