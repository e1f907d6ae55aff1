#ifndef SAMPAN_HUB_H
#define SAMPAN_HUB_H

#include <stdbool.h>

#include "buffer.h"
#include "detach.h"
#include "loop.h"
#include "supervised.h"

struct failure;

/* A connection to the supervisor's socket. */
struct client {
	struct watch watch;
	/* Received and not yet understood; to be sent; typed, past the detach keys, and not yet taken by the process. */
	struct buffer input;
	struct buffer output;
	struct buffer typed;

	/* Whose streams it has, and which (ATTACH_*). */
	struct supervised *process;
	uint8_t wanted;
	struct detach detach;
	/* Payload of the current STDIN frame that is still to come. */
	uint32_t stdin_left;
	/* The process takes no more input for now. */
	bool blocked;

	/* Told of every exit and OOM kill. */
	bool subscribed;
	/* Keeps the first process's output from being read until RELEASE. */
	bool holding;
	/* Its exec is starting: the next request waits for the answer. */
	struct supervised *starting;
	/* Its `output` is so long that the process's output waits for it. */
	bool full;
	/* Nothing more will be sent than what is in `output`. */
	bool finishing;
	/* Bounds how long it may neither read nor leave; `sent` counts what it has read meanwhile. */
	struct timer stall;
	size_t sent;

	struct client *next;
};

/* Listens on a path of any length; returns -1 with errno. */
int hub_listen(const char *path);
/* Nobody new finds the way here; who is on the way is still let in. */
void hub_unlink(void);
/* Makes an accepted connection a client; NULL when it cannot be. */
struct client *hub_add(int fd);
/* Takes a client off the list. */
void hub_unlist(struct client *client);
/* No client is left to be told anything. */
bool hub_is_empty(void);

/* What happens to a process. */
void hub_output(struct supervised *process, int stream, const uint8_t *bytes, size_t count);
void hub_writable(struct supervised *process);
void hub_exited(struct supervised *process);
/* The container is over: everybody is told, also those who are still on their way, and sent off. */
void hub_ended(struct supervised *first);
/* Tells the subscribed: OOM, or NOTE with a text for the daemon's log. */
void hub_notify(int type, const char *text);
/* Detaches what is attached: the process is about to be freed. */
void hub_forget(struct supervised *process);

/* Takes the descriptor over, unless it fails. */
int client_open(struct client *client, int fd);
/* Reads once what the client has sent, and does what it says. */
void client_receive(struct client *client);
/* Goes on with what was received, after a wait. */
void client_consume(struct client *client);
/* Keeps the first process's output from being read, or lets it be; a hold ends by itself after a while. */
void client_hold(struct client *client, bool hold);

/* Sends a frame, or keeps it for when the client reads. The client may be gone afterwards, but its memory lasts this turn. */
void client_send(struct client *client, int type, const void *payload, size_t size);
void client_send_text(struct client *client, int type, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Sends FAILED. */
void client_send_failure(struct client *client, const struct failure *failure);
/* Sends the rest and hangs up. */
void client_finish(struct client *client);
/* Lets go of the process whose streams it has. */
void client_leave(struct client *client);
/* Hangs up at once. */
void client_drop(struct client *client);
static inline bool client_is_open(const struct client *client)
{
	return watch_is_open(&client->watch);
}

/*
 * Handles one request (requests.c); `payload` is only valid during the call. A malformed one costs the sender its connection.
 */
void request_handle(struct client *client, int type, const uint8_t *payload, size_t size);

#endif
