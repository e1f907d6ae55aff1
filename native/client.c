/* One client: what it sends and what it is sent. hub.c has them all. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dns-settings.h"
#include "failure.h"
#include "hub.h"
#include "stdin.h"

enum {
	RECEIVE_SIZE = 64 << 10,
	/* What is kept for a client before the process's output waits for it, and when it goes on. */
	OUTPUT_HIGH = 1 << 20,
	OUTPUT_LOW = OUTPUT_HIGH / 2,
	/* A client that was only told things and never read them. */
	OUTPUT_MAX = OUTPUT_HIGH + (1 << 20),
	/* While others wait for it, a client reads at least this much in this time, or is cut off. */
	STALL_MS = 3000,
	STALL_PROGRESS = 64 << 10,
	/* Nobody waits for one that was sent off, which may read at its leisure. */
	FAREWELL_MS = 60000,
};

/* --- sending ------------------------------------------------------------------------------------------------------------- */

static void stop_being_full(struct client *client)
{
	if (!client->full)
		return;
	client->full = false;
	if (!client->finishing)
		timer_clear(&client->stall);
	streams_release(&client->process->streams);
}

static void become_full(struct client *client)
{
	/* One timer bounds both, and who does not read holds nothing back. */
	client_hold(client, false);
	client->full = true;
	client->sent = 0;
	timer_set(&client->stall, STALL_MS);
	streams_hold(&client->process->streams);
}

static void stalled(struct timer *timer)
{
	struct client *client = container_of(timer, struct client, stall);
	bool progresses = client->sent >= STALL_PROGRESS && !client->finishing;

	client->sent = 0;
	if (client->holding)
		client_hold(client, false);
	else if (progresses)
		timer_set(timer, STALL_MS);
	else
		client_drop(client);
}

static void update_events(struct client *client)
{
	/* EPOLLHUP comes unasked, but it keeps a client that is not read from among the watched. */
	uint32_t events = EPOLLHUP;

	if (!client->blocked && !client->starting)
		events |= EPOLLIN;
	if (buffer_length(&client->output))
		events |= EPOLLOUT;
	watch_for(&client->watch, events);
}

static void sent_all(struct client *client)
{
	/* The other end reads what is on its way and then hangs up; closing first could make it miss that. */
	if (client->finishing)
		shutdown(client->watch.fd, SHUT_WR);
}

static void flush_output(struct client *client)
{
	while (buffer_length(&client->output)) {
		ssize_t count =
			send(client->watch.fd, buffer_head(&client->output), buffer_length(&client->output), MSG_NOSIGNAL);

		if (count < 0) {
			if (errno == EINTR)
				continue;
			if (errno != EAGAIN)
				client_drop(client);
			break;
		}
		client->sent += (size_t)count;
		buffer_consume(&client->output, (size_t)count);
	}
	if (!client_is_open(client))
		return;
	if (buffer_length(&client->output) <= OUTPUT_LOW)
		stop_being_full(client);
	if (buffer_length(&client->output) == 0)
		sent_all(client);
	update_events(client);
}

/* Returns how much went out, -1 when the client is gone. */
static ssize_t send_now(struct client *client, struct iovec parts[2])
{
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t count;

	if (buffer_length(&client->output))
		return 0;
	do
		count = sendmsg(client->watch.fd, &message, MSG_NOSIGNAL);
	while (count < 0 && errno == EINTR);
	return count < 0 && errno == EAGAIN ? 0 : count;
}

static int keep_rest(struct client *client, struct iovec parts[2], size_t sent)
{
	for (int i = 0; i < 2; i++) {
		size_t skipped = sent < parts[i].iov_len ? sent : parts[i].iov_len;

		if (buffer_append(&client->output, (char *)parts[i].iov_base + skipped, parts[i].iov_len - skipped) < 0)
			return -1;
		sent -= skipped;
	}
	return buffer_length(&client->output) > OUTPUT_MAX ? -1 : 0;
}

void client_send(struct client *client, int type, const void *payload, size_t size)
{
	uint8_t header[FRAME_HEADER] = { (uint8_t)type,		0, 0, 0, (uint8_t)(size >> 24), (uint8_t)(size >> 16),
					 (uint8_t)(size >> 8), (uint8_t)size };
	struct iovec parts[2] = { { header, sizeof(header) }, { (void *)(uintptr_t)payload, size } };
	ssize_t sent;

	if (!client_is_open(client) || client->finishing)
		return;
	sent = send_now(client, parts);
	if (sent < 0 || keep_rest(client, parts, (size_t)sent) < 0) {
		client_drop(client);
		return;
	}
	if (client->process && !client->full && buffer_length(&client->output) > OUTPUT_HIGH)
		become_full(client);
	update_events(client);
}

void client_send_text(struct client *client, int type, const char *format, ...)
{
	char text[512];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length >= 0 && (size_t)length < sizeof(text))
		client_send(client, type, text, (size_t)length);
}

void client_send_failure(struct client *client, const struct failure *failure)
{
	char *text = failure_json(failure);

	client_send(client, FRAME_FAILED, text ? text : "{}", text ? strlen(text) : 2);
	free(text);
}

/* --- leaving ------------------------------------------------------------------------------------------------------------- */

void client_leave(struct client *client)
{
	struct supervised *process = client->process;

	stop_being_full(client);
	client->process = NULL;
	client->blocked = false;
	/* Its input has ended with it, as with Docker. */
	if (process && client->wanted & ATTACH_STDIN && process->streams.stdin_once && !process->streams.terminal)
		streams_close_input(&process->streams);
}

void client_drop(struct client *client)
{
	if (!client_is_open(client))
		return;
	if (client->holding)
		client_hold(client, false);
	client_leave(client);
	if (client->starting)
		client->starting->requester = NULL;
	timer_clear(&client->stall);
	watch_close(&client->watch);
	buffer_release(&client->input);
	buffer_release(&client->output);
	buffer_release(&client->typed);
	hub_unlist(client);
	loop_free(client);
}

void client_finish(struct client *client)
{
	if (!client_is_open(client) || client->finishing)
		return;
	client_leave(client);
	client_hold(client, false);
	client->finishing = true;
	timer_set(&client->stall, FAREWELL_MS);
	if (buffer_length(&client->output) == 0)
		sent_all(client);
	update_events(client);
}

/* --- receiving ----------------------------------------------------------------------------------------------------------- */

static uint32_t frame_length(const uint8_t *header)
{
	return (uint32_t)header[4] << 24 | (uint32_t)header[5] << 16 | (uint32_t)header[6] << 8 | header[7];
}

static uint32_t limit_of(int type)
{
	if (type == FRAME_EXEC || type == FRAME_STDIN || type == FRAME_PUBLISH)
		return FRAME_MAX;
	return type == FRAME_DNS ? DNS_SETTINGS_MAX : FRAME_REQUEST_MAX;
}

static bool is_well_formed(const uint8_t *header)
{
	return !header[1] && !header[2] && !header[3] && frame_length(header) <= limit_of(header[0]);
}

/* Returns false when there is no whole frame to take. */
static bool take_frame(struct client *client)
{
	const uint8_t *head = buffer_head(&client->input);
	size_t available = buffer_length(&client->input);
	uint32_t length;
	int type;

	if (available < FRAME_HEADER)
		return false;
	if (!is_well_formed(head)) {
		client_drop(client);
		return false;
	}
	length = frame_length(head);
	type = head[0];
	if (type == FRAME_STDIN) {
		client->stdin_left = length;
		buffer_consume(&client->input, FRAME_HEADER);
		return true;
	}
	if (available - FRAME_HEADER < length)
		return false;
	request_handle(client, type, head + FRAME_HEADER, length);
	if (client_is_open(client))
		buffer_consume(&client->input, FRAME_HEADER + length);
	return true;
}

/* Understands what has been received, as far as it goes. */
void client_consume(struct client *client)
{
	bool goes_on = true;

	while (goes_on && client_is_open(client) && !client->finishing && !client->starting) {
		if (!stdin_flush(client))
			break;
		goes_on = client->stdin_left ? stdin_take(client) : take_frame(client);
	}
	if (client_is_open(client))
		update_events(client);
}

void client_receive(struct client *client)
{
	static uint8_t scratch[RECEIVE_SIZE];
	ssize_t count = read(client->watch.fd, scratch, sizeof(scratch));

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count <= 0) {
		client_drop(client);
		return;
	}
	if (client->finishing)
		return;
	if (buffer_append(&client->input, scratch, (size_t)count) < 0)
		client_drop(client);
	else
		client_consume(client);
}

static void client_ready(struct watch *watch, uint32_t events)
{
	struct client *client = container_of(watch, struct client, watch);

	if (events & EPOLLOUT)
		flush_output(client);
	if (!client_is_open(client))
		return;
	if (events & EPOLLIN)
		client_receive(client);
	else if (events & (EPOLLHUP | EPOLLERR))
		client_drop(client);
}

int client_open(struct client *client, int fd)
{
	if (watch_open(&client->watch, fd, client_ready) < 0)
		return -1;
	client->stall.expire = stalled;
	update_events(client);
	return 0;
}

void client_hold(struct client *client, bool hold)
{
	struct supervised *process = supervised_list;

	if (client->holding == hold || !process)
		return;
	client->holding = hold;
	if (hold) {
		timer_set(&client->stall, STALL_MS);
		streams_hold(&process->streams);
	} else {
		timer_clear(&client->stall);
		streams_release(&process->streams);
	}
}
