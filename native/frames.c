/* Frames on a blocking socket. */
#include "frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "protocol.h"

/* Drops what was sent from the front of the parts. */
static void advance(struct iovec **part, int *count, size_t sent)
{
	while (*count > 0 && sent >= (*part)->iov_len) {
		sent -= (*part)->iov_len;
		(*part)++;
		(*count)--;
	}
	if (*count == 0) return;
	(*part)->iov_base = (char *)(*part)->iov_base + sent;
	(*part)->iov_len -= sent;
}

int frame_send(int fd, uint8_t type, const void *head, size_t head_size, const void *body, size_t body_size)
{
	size_t size = head_size + body_size;
	uint8_t header[FRAME_HEADER] = {type, 0, 0, 0, (uint8_t)(size >> 24), (uint8_t)(size >> 16),
	        (uint8_t)(size >> 8), (uint8_t)size};
	struct iovec parts[] = {{header, sizeof header}, {(void *)(uintptr_t)head, head_size},
	        {(void *)(uintptr_t)body, body_size}};
	struct iovec *part = parts;
	int count = 3;
	while (count > 0) {
		struct msghdr message = {.msg_iov = part, .msg_iovlen = (size_t)count};
		ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR) continue;
		if (sent < 0) return -1;
		advance(&part, &count, (size_t)sent);
	}
	return 0;
}

int frame_send_failure(int fd, const struct failure *failure)
{
	char *text = failure_json(failure);
	if (!text) {
		errno = ENOMEM;
		return -1;
	}
	int result = frame_send(fd, FRAME_FAILED, text, strlen(text), NULL, 0);
	free(text);
	return result;
}

/* Returns how much of `size` came before the end, or -1. */
static ssize_t receive_all(int fd, void *buffer, size_t size)
{
	size_t received = 0;
	while (received < size) {
		ssize_t count = recv(fd, (char *)buffer + received, size - received, 0);
		if (count < 0 && errno == EINTR) continue;
		if (count < 0) return -1;
		if (count == 0) break;
		received += (size_t)count;
	}
	return (ssize_t)received;
}

int frame_receive(int fd, uint8_t *type, uint8_t **payload, size_t *size, size_t limit)
{
	uint8_t header[FRAME_HEADER];
	ssize_t count = receive_all(fd, header, sizeof header);
	if (count <= 0) return (int)count;
	if (count < FRAME_HEADER || header[1] || header[2] || header[3]) {
		errno = EPROTO;
		return -1;
	}
	*type = header[0];
	*size = (size_t)header[4] << 24 | (size_t)header[5] << 16 | (size_t)header[6] << 8 | header[7];
	if (*size > limit) {
		errno = EMSGSIZE;
		return -1;
	}
	*payload = malloc(*size + 1);
	if (!*payload) return -1;
	count = receive_all(fd, *payload, *size);
	if (count == (ssize_t)*size) return 1;
	free(*payload);
	if (count >= 0) errno = EPROTO;
	return -1;
}
