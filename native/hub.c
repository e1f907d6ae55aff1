/* All clients of the supervisor: where they come from, and what they are told together. */
#include "hub.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	CLIENTS_MAX = 1024,
	BACKLOG = 64,
	/* How long nobody is let in when descriptors are short. */
	PAUSE_MS = 100,
};

static struct client *clients;
static size_t client_count;
static struct watch listener = { .fd = -1 };
static struct timer listener_pause;
static const char *listener_path;
/* Set once the container is over: what everybody is told. */
static struct supervised *ended;

static void tell_exit(struct client *client, const struct supervised *process)
{
	client_send_text(client, FRAME_EXITED, "{\"id\":\"%s\",\"code\":%d,\"finishedAtNs\":%" PRId64 ",\"oomKilled\":%s}",
			 process->id, process->code, process->finished_at_ns, process->oom_killed ? "true" : "false");
}

/* --- coming and going ---------------------------------------------------------------------------------------------------- */

struct client *hub_add(int fd)
{
	struct client *client = client_count < CLIENTS_MAX ? calloc(1, sizeof(*client)) : NULL;

	if (!client || client_open(client, fd) < 0) {
		close(fd);
		free(client);
		return NULL;
	}
	client->next = clients;
	clients = client;
	client_count++;
	if (ended) {
		tell_exit(client, ended);
		client_finish(client);
	}
	return client;
}

void hub_unlist(struct client *client)
{
	struct client **link = &clients;

	while (*link && *link != client)
		link = &(*link)->next;
	if (*link) {
		*link = client->next;
		client_count--;
	}
}

bool hub_is_empty(void)
{
	return !clients;
}

static bool is_root(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
}

static void accept_client(struct watch *watch, uint32_t events)
{
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0 && is_root(fd)) {
		hub_add(fd);
	} else if (fd >= 0) {
		close(fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		watch_for(watch, 0);
		timer_set(&listener_pause, PAUSE_MS);
	}
}

static void accept_again(struct timer *timer)
{
	(void)timer;
	watch_for(&listener, EPOLLIN);
}

/* A socket address holds 107 characters: a longer path is named through its directory's descriptor. */
static int bind_path(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *slash = strrchr(path, '/');
	char directory[4096];
	int directory_fd;
	int result = -1;

	if (strlen(path) < sizeof(address.sun_path)) {
		strcpy(address.sun_path, path);
		return bind(fd, (struct sockaddr *)&address, sizeof(address));
	}
	if (!slash || (size_t)snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path) >= sizeof(directory)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory_fd < 0)
		return -1;
	if (snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d%s", directory_fd, slash) <
	    (int)sizeof(address.sun_path))
		result = bind(fd, (struct sockaddr *)&address, sizeof(address));
	else
		errno = ENAMETOOLONG;
	close(directory_fd);
	return result;
}

int hub_listen(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	/* What an earlier run of this container left; nobody listens on it. */
	unlink(path);
	/* The mode of the socket's inode becomes that of the file: there is no moment with a wider one. */
	if (fchmod(fd, 0600) < 0 || bind_path(fd, path) < 0 || listen(fd, BACKLOG) < 0 ||
	    watch_open(&listener, fd, accept_client) < 0) {
		close(fd);
		listener.fd = -1;
		return -1;
	}
	listener_path = path;
	listener_pause.expire = accept_again;
	watch_for(&listener, EPOLLIN);
	return 0;
}

void hub_unlink(void)
{
	if (listener_path)
		unlink(listener_path);
	listener_path = NULL;
}

/* --- what happens to a process ------------------------------------------------------------------------------------------- */

void hub_output(struct supervised *process, int stream, const uint8_t *bytes, size_t count)
{
	int wanted = stream == 1 ? ATTACH_STDOUT : ATTACH_STDERR;
	struct client *next;

	for (struct client *client = clients; client; client = next) {
		next = client->next;
		if (client->process == process && client->wanted & wanted)
			client_send(client, stream, bytes, count);
	}
}

void hub_writable(struct supervised *process)
{
	struct client *next;

	for (struct client *client = clients; client; client = next) {
		next = client->next;
		if (client->process == process && client->blocked) {
			client->blocked = false;
			client_consume(client);
		}
	}
}

void hub_exited(struct supervised *process)
{
	struct client *next;

	for (struct client *client = clients; client; client = next) {
		bool attached = client->process == process;

		next = client->next;
		if (!attached && !client->subscribed)
			continue;
		tell_exit(client, process);
		if (attached)
			client_finish(client);
	}
}

void hub_ended(struct supervised *first)
{
	struct client *next;

	ended = first;
	for (struct client *client = clients; client; client = next) {
		next = client->next;
		tell_exit(client, first);
		client_finish(client);
	}
}

void hub_notify(int type, const char *text)
{
	struct client *next;

	for (struct client *client = clients; client; client = next) {
		next = client->next;
		if (client->subscribed)
			client_send(client, type, text, strlen(text));
	}
}

void hub_forget(struct supervised *process)
{
	struct client *next;

	for (struct client *client = clients; client; client = next) {
		next = client->next;
		if (client->starting == process)
			client->starting = NULL;
		if (client->process == process)
			client_leave(client);
	}
}
