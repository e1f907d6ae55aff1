/*
 * Traffic over TCP. Usage:
 *   traffic serve PORT                   takes what comes, one connection after the other, and prints "ready" once it listens
 *   traffic send ADDRESS PORT MEGABYTES  how many microseconds it takes until all of it has been taken
 *   traffic connect ADDRESS PORT COUNT   the same for connections that carry nothing
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 256 * 1024, MEGABYTE = 1000000 };

static char buffer[BUFFER];

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1) fail(host);
	return address;
}

static void serve(const char *port)
{
	struct sockaddr_in address = address_of("0.0.0.0", port);
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 128) < 0) fail("listen");
	puts("ready");
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0) fail("accept");
		while (read(fd, buffer, sizeof buffer) > 0)
			;
		close(fd);
	}
}

/* Until the other side has closed, too: then it has read everything. */
static void finish(int fd)
{
	shutdown(fd, SHUT_WR);
	if (read(fd, buffer, sizeof buffer) != 0) fail("read");
	close(fd);
}

static int connect_to(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) < 0) fail("connect");
	return fd;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve")) serve(argv[2]);
	if (argc != 5) return 2;
	struct sockaddr_in address = address_of(argv[2], argv[3]);
	long count = atol(argv[4]);
	double begin = now();
	if (!strcmp(argv[1], "send")) {
		int fd = connect_to(&address);
		for (long left = count * MEGABYTE; left > 0;) {
			ssize_t sent = write(fd, buffer, left < BUFFER ? (size_t)left : BUFFER);
			if (sent < 0) fail("write");
			left -= sent;
		}
		finish(fd);
	} else {
		for (long i = 0; i < count; i++) finish(connect_to(&address));
	}
	printf("%.0f\n", now() - begin);
	return 0;
}
