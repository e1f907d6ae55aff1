/* From a client's STDIN frames to the process. A process that does not read makes only the senders wait. */
#include "stdin.h"

static size_t pass_on(struct client *client, const uint8_t *bytes, size_t count)
{
	size_t taken = count;

	/* What nobody will read is taken, so that its sender comes to an end. */
	if (client->process && client->wanted & ATTACH_STDIN)
		taken = streams_write(&client->process->streams, bytes, count);
	client->blocked = taken < count;
	return taken;
}

bool stdin_flush(struct client *client)
{
	size_t waiting = buffer_length(&client->typed);

	if (waiting)
		buffer_consume(&client->typed, pass_on(client, buffer_head(&client->typed), waiting));
	return !client->blocked;
}

static bool take_typed(struct client *client, const uint8_t *bytes, size_t count)
{
	bool detached = detach_filter(&client->detach, bytes, count, &client->typed);

	buffer_consume(&client->input, count);
	client->stdin_left -= (uint32_t)count;
	if (!detached)
		return true;
	stdin_flush(client);
	client_send(client, FRAME_DETACHED, NULL, 0);
	client_finish(client);
	return false;
}

bool stdin_take(struct client *client)
{
	size_t count = buffer_length(&client->input);

	if (count > client->stdin_left)
		count = client->stdin_left;
	if (count == 0)
		return false;
	if (client->detach.count && client->process && client->process->streams.terminal)
		return take_typed(client, buffer_head(&client->input), count);
	count = pass_on(client, buffer_head(&client->input), count);
	buffer_consume(&client->input, count);
	client->stdin_left -= (uint32_t)count;
	return !client->blocked;
}

void stdin_end(struct client *client)
{
	struct streams *streams = client->process ? &client->process->streams : NULL;

	if (!streams || !(client->wanted & ATTACH_STDIN) || !streams->stdin_open)
		return;
	if (streams->stdin_once && !streams->terminal)
		streams_close_input(streams);
	else
		/* Docker: input that is not the process's last leaves it open, and ends the attachment. */
		client_finish(client);
}
