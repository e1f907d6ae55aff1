/* The netlink operation: one datagram out, acknowledgements and replies back. */
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "cleanup.h"
#include "path.h"
#include "plan.h"

enum {
	SETTLE_MS = 100,
	REPLIES_MAX = 16 << 20,
	RECEIVE_SIZE = 64 << 10,
	/* What the kernel charges a socket for one queued acknowledgement. */
	ACKNOWLEDGEMENT_COST = 2048,
};

/* Messages and attributes start at multiples of 4 bytes; neither header needs padding. */
enum { HEADER = sizeof(struct nlmsghdr), ATTRIBUTE_HEADER = sizeof(struct nlattr) };

static size_t aligned(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* The replies as they grow. */
struct replies {
	uint8_t *data;
	size_t size;
	size_t capacity;
};

static void free_replies(struct replies *replies)
{
	free(replies->data);
}

static int keep_reply(struct replies *replies, const struct nlmsghdr *message)
{
	size_t size = aligned(message->nlmsg_len);
	if (replies->size + size > REPLIES_MAX) return -1;
	if (replies->size + size > replies->capacity) {
		size_t capacity = (replies->capacity + size) * 2;
		uint8_t *data = realloc(replies->data, capacity);
		if (!data) return -1;
		replies->data = data;
		replies->capacity = capacity;
	}
	memset(replies->data + replies->size, 0, size);
	memcpy(replies->data + replies->size, message, message->nlmsg_len);
	replies->size += size;
	return 0;
}

/* Room for all that comes back: the kernel queues it while it takes the datagram. */
static int open_socket(const struct netlink_step *args)
{
	autoclose fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, (int)args->protocol);
	if (fd < 0) return -1;
	int yes = 1;
	if (setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &yes, sizeof yes) != 0) return -1;
	if (setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &yes, sizeof yes) != 0) return -1;
	int room = (int)args->data.size * 2 + RECEIVE_SIZE;
	if (args->data.size > RECEIVE_SIZE &&
	        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0)
		return -1;
	room = (int)args->acks * ACKNOWLEDGEMENT_COST;
	if (room > RECEIVE_SIZE && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
		return -1;
	return keep_fd(&fd);
}

/* Puts descriptors into the messages; the plan's bytes are this process's own copy. */
static int patch(struct run *run, const struct netlink_step *args, struct failure *failure)
{
	if (args->patches.count % 2 != 0) return fail(failure, EINVAL, "", "patches come in pairs");
	for (size_t i = 0; i < args->patches.count; i += 2) {
		int64_t offset = args->patches.items[i];
		int fd = slot_fd(run, args->patches.items[i + 1], failure);
		if (fd < 0) return -1;
		int32_t value = fd;
		if (offset < 0 || args->data.size < sizeof value ||
		        (uint64_t)offset > args->data.size - sizeof value) {
			return fail(failure, EINVAL, "", "a patch outside the messages");
		}
		memcpy((uint8_t *)(uintptr_t)args->data.data + offset, &value, sizeof value);
	}
	return 0;
}

static int transmit(int fd, struct bytes data)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t sent;
	do sent = sendto(fd, data.data, data.size, 0, (struct sockaddr *)&kernel, sizeof kernel);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)data.size ? 0 : -1;
}

/* The text that the kernel adds to an error, or "". */
static const char *extended_text(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = (const void *)((const char *)message + HEADER);
	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS)) return "";
	size_t offset = HEADER + sizeof *error;
	if (!(message->nlmsg_flags & NLM_F_CAPPED)) offset += aligned(error->msg.nlmsg_len) - HEADER;
	while (offset + ATTRIBUTE_HEADER <= message->nlmsg_len) {
		const struct nlattr *attribute = (const void *)((const char *)message + offset);
		if (attribute->nla_len < ATTRIBUTE_HEADER || attribute->nla_len > message->nlmsg_len - offset) break;
		const char *text = (const char *)attribute + ATTRIBUTE_HEADER;
		size_t size = (size_t)attribute->nla_len - ATTRIBUTE_HEADER;
		if (attribute->nla_type == NLMSGERR_ATTR_MSG && size > 0 && text[size - 1] == 0) return text;
		offset += aligned(attribute->nla_len);
	}
	return "";
}

/* Handles one message. Returns how many acknowledgements it is (0 or 1), or -1 with the failure. */
static int take_message(const struct netlink_step *args, const struct nlmsghdr *message,
        struct replies *replies, struct failure *failure)
{
	if (message->nlmsg_type == NLMSG_DONE) return 1;
	if (message->nlmsg_type != NLMSG_ERROR) {
		return keep_reply(replies, message) == 0
		               ? 0
		               : fail(failure, EMSGSIZE, "", "replies of more than %d bytes", REPLIES_MAX);
	}
	const struct nlmsgerr *error = (const void *)((const char *)message + HEADER);
	if (message->nlmsg_len < HEADER + sizeof *error) return fail(failure, EPROTO, "", NULL);
	if (error->error == 0 || ints_contain(args->ignore, -error->error)) return 1;
	char subject[32];
	snprintf(subject, sizeof subject, "message %u", error->msg.nlmsg_seq);
	return fail(failure, -error->error, subject, "%s", extended_text(message));
}

/* Everything but the rest of a dump is queued already, so nothing to read means that no more will come. */
static int collect(int fd, const struct netlink_step *args, struct replies *replies, struct failure *failure)
{
	autofree uint8_t *buffer = malloc(RECEIVE_SIZE);
	if (!buffer) return fail(failure, ENOMEM, "", NULL);
	for (int64_t acknowledged = 0; acknowledged < args->acks;) {
		ssize_t size = recv(fd, buffer, RECEIVE_SIZE, MSG_DONTWAIT | MSG_TRUNC);
		if (size < 0 && errno == EINTR) continue;
		if (size < 0 && errno == EAGAIN)
			return fail(failure, EPROTO, "", "%lld acknowledgements are missing",
			        (long long)(args->acks - acknowledged));
		if (size < 0) return fail(failure, errno, "", NULL);
		if (size > RECEIVE_SIZE) return fail(failure, EMSGSIZE, "", NULL);
		for (size_t at = 0; at + HEADER <= (size_t)size;) {
			const struct nlmsghdr *message = (const void *)(buffer + at);
			if (message->nlmsg_len < HEADER || message->nlmsg_len > (size_t)size - at) break;
			int taken = take_message(args, message, replies, failure);
			if (taken < 0) return -1;
			acknowledged += taken;
			at += aligned(message->nlmsg_len);
		}
	}
	return 0;
}

/*
 * Closing a netfilter socket waits until the kernel has freed what anybody's transactions deleted, some ten milliseconds,
 * and holds up all other transactions meanwhile. So it is left to the end of this process, after a pause that is long enough.
 */
static bool unsettled;

void netlink_settle(void)
{
	struct timespec pause = {.tv_nsec = SETTLE_MS * 1000000L};
	if (unsettled) nanosleep(&pause, NULL);
}

int op_netlink(struct run *run, const struct netlink_step *args, struct failure *failure)
{
	__attribute__((cleanup(free_replies))) struct replies replies = {0};
	if (args->acks < 0 || args->acks > 65536)
		return fail(failure, EINVAL, "", "%lld acknowledgements", (long long)args->acks);
	if (patch(run, args, failure) != 0) return -1;
	autoclose fd = open_socket(args);
	if (fd < 0) return fail(failure, errno, "", "socket");
	if (transmit(fd, args->data) != 0) return fail(failure, errno, "", "sending");
	if (collect(fd, args, &replies, failure) != 0) return -1;
	if (args->protocol == NETLINK_NETFILTER) {
		keep_fd(&fd);
		unsettled = true;
	}
	run->result = replies.data;
	run->result_size = replies.size;
	run->has_result = true;
	replies.data = NULL;
	return 0;
}
