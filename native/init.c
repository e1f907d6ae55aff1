/* A tiny init: starts one program, passes signals on to it, reaps what it leaves behind, and ends as it ends. */
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_RUN = 126, NOT_FOUND = 127 };

/* Faults are this process's own; everything else is meant for the program. */
static void signals_to_pass_on(sigset_t *set)
{
	static const int own[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU };

	sigfillset(set);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		sigdelset(set, own[i]);
}

/* The program gets a process group of its own, and the terminal if there is one. */
static void take_foreground(void)
{
	setpgid(0, 0);
	/* Whoever is in the background is stopped for asking, unless it ignores that. */
	signal(SIGTTOU, SIG_IGN);
	tcsetpgrp(STDIN_FILENO, getpgrp());
	signal(SIGTTOU, SIG_DFL);
}

static void run_program(char **argv, const sigset_t *inherited)
{
	int reason;

	take_foreground();
	sigprocmask(SIG_SETMASK, inherited, NULL);
	execvp(argv[0], argv);
	reason = errno;
	fprintf(stderr, "[FATAL tini (%d)] exec %s failed: %s\n", (int)getpid(), argv[0], strerror(reason));
	_exit(reason == ENOENT ? NOT_FOUND : CANNOT_RUN);
}

/* Collects whoever has ended; the program's status is kept when it is among them. Returns whether it is. */
static int reap(pid_t program, int *status)
{
	int ended = 0;
	int other;
	pid_t pid;

	while ((pid = waitpid(-1, &other, WNOHANG)) > 0) {
		if (pid != program)
			continue;
		*status = other;
		ended = 1;
	}
	return ended;
}

static int look_after(pid_t program, const sigset_t *signals)
{
	int status = 0;

	for (;;) {
		siginfo_t received;

		if (sigwaitinfo(signals, &received) < 0)
			continue;
		if (received.si_signo != SIGCHLD)
			kill(program, received.si_signo);
		else if (reap(program, &status))
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
}

static int usage(void)
{
	fprintf(stderr, "usage: docker-init [--] program [argument...]\n");
	return 1;
}

int init_main(int argc, char **argv)
{
	sigset_t passed_on;
	sigset_t inherited;
	pid_t program;

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		puts("tini version 0.19.0");
		return 0;
	}
	argv++;
	if (argc > 1 && strcmp(argv[0], "--") == 0)
		argv++;
	if (!argv[0])
		return usage();
	signals_to_pass_on(&passed_on);
	sigprocmask(SIG_BLOCK, &passed_on, &inherited);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	if (getpid() != 1)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	program = fork();
	if (program < 0) {
		perror("docker-init: fork");
		return 1;
	}
	if (program == 0) {
		signal(SIGTTIN, SIG_DFL);
		run_program(argv, &inherited);
	}
	return look_after(program, &passed_on);
}
