/* Watching nf_tables and one interface; see netlink-watch.h. */
#include "netlink-watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "frames.h"
#include "plan.h"

enum {
	RECEIVE_SIZE = 64 << 10,
	/* Room for the notices of a large transaction. */
	QUEUE_SIZE = 4 << 20,
	LINK_QUEUE_SIZE = 256 << 10,
	REPORT_SIZE = 4096,
	HEADER = sizeof(struct nlmsghdr),
	FAMILY_HEADER = sizeof(struct nfgenmsg),
	ATTRIBUTE_HEADER = sizeof(struct nlattr),
};

static int watched = -1;
static int watched_links = -1;
static char watched_link[IFNAMSIZ];
static uint32_t watching_step;

bool watch_wanted(void)
{
	return watched >= 0;
}

/* Sockets without an address of their own get no notices. */
static int subscribe(int fd, int group, int room)
{
	struct sockaddr_nl own = {.nl_family = AF_NETLINK};
	if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0) return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0) return -1;
	return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
}

/* Each container that starts makes the kernel tell of interfaces several times: but for those that go, nobody is woken. */
static int take_deletions_only(int fd)
{
	struct sock_filter steps[] = {
	        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELLINK), 0, 1),
	        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	        BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = sizeof steps / sizeof steps[0], .filter = steps};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static int watch_link(struct text name, struct failure *failure)
{
	if (name.size == 0) return 0;
	if (name.size >= sizeof watched_link) return fail(failure, ENAMETOOLONG, name.data, NULL);
	autoclose fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0) return fail(failure, errno, "", "socket");
	if (take_deletions_only(fd) != 0 || subscribe(fd, RTNLGRP_LINK, LINK_QUEUE_SIZE) != 0)
		return fail(failure, errno, "", "subscribing to interfaces");
	memcpy(watched_link, name.data, name.size);
	watched_links = keep_fd(&fd);
	return 0;
}

/* From here on the kernel queues what changes, so that nothing is missed between this step and the first report. */
int op_watch_netfilter(struct run *run, const struct watch_netfilter_step *args, struct failure *failure)
{
	if (plan_has_child(&run->plan) || run->plan.counts[STAGE_AFTER] > 0)
		return fail(failure, EINVAL, "", "a plan that watches has a before stage only");
	if (watched >= 0) return fail(failure, EINVAL, "", "one watch is enough");
	autoclose fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (fd < 0) return fail(failure, errno, "", "socket");
	if (subscribe(fd, NFNLGRP_NFTABLES, QUEUE_SIZE) != 0) return fail(failure, errno, "", "subscribing");
	if (watch_link(args->link, failure) != 0) return -1;
	watched = keep_fd(&fd);
	watching_step = args->step.index;
	return 0;
}

/* --- one transaction ------------------------------------------------------------------------------------------------------ */

/* What changed: kind (u8), family (u8), length of the table's name (u8), the name; each once. */
struct report {
	size_t size;
	bool overflow; /* more changed than there is room for, or is known */
	uint8_t bytes[REPORT_SIZE];
};

static const struct nlattr *find_attribute(
        const struct nlmsghdr *message, size_t family_header, int type, size_t *size)
{
	size_t at = HEADER + family_header;
	while (at + ATTRIBUTE_HEADER <= message->nlmsg_len) {
		const struct nlattr *attribute = (const void *)((const char *)message + at);
		if (attribute->nla_len < ATTRIBUTE_HEADER || attribute->nla_len > message->nlmsg_len - at) break;
		*size = (size_t)attribute->nla_len - ATTRIBUTE_HEADER;
		if ((attribute->nla_type & NLA_TYPE_MASK) == type) return attribute + 1;
		at += ((size_t)attribute->nla_len + 3) & ~(size_t)3;
	}
	*size = 0;
	return NULL;
}

static bool holds(const struct report *report, const uint8_t *entry, size_t size)
{
	for (size_t at = 0; at < report->size; at += 3u + report->bytes[at + 2]) {
		if (report->size - at >= size && memcmp(report->bytes + at, entry, size) == 0) return true;
	}
	return false;
}

/* In messages about tables and about all that is in one, the first attribute is the table's name. */
static void take_change(struct report *report, const struct nlmsghdr *message)
{
	size_t size;
	const void *name = find_attribute(message, FAMILY_HEADER, NFTA_TABLE_NAME, &size);
	size_t length = name ? strnlen(name, size) : 0;
	const struct nfgenmsg *header = (const void *)((const char *)message + HEADER);
	uint8_t entry[3 + NFT_TABLE_MAXNAMELEN] = {
	        (uint8_t)NFNL_MSG_TYPE(message->nlmsg_type), header->nfgen_family, (uint8_t)length};
	if (length == 0 || length > UINT8_MAX || length > sizeof entry - 3) return;
	memcpy(entry + 3, name, length);
	if (holds(report, entry, 3 + length)) return;
	if (report->size + 3 + length > sizeof report->bytes) {
		report->overflow = true;
		return;
	}
	memcpy(report->bytes + report->size, entry, 3 + length);
	report->size += 3 + length;
}

/* The end of a transaction names who made it: what launchers and supervisors change, the daemon had them change. */
static bool made_here(const struct nlmsghdr *message)
{
	static const char prefix[] = "sampan";
	size_t size;
	const char *name = (const void *)find_attribute(message, FAMILY_HEADER, NFTA_GEN_PROC_NAME, &size);
	return name && size >= sizeof prefix && memcmp(name, prefix, sizeof prefix - 1) == 0;
}

/* An empty report stands for anything. */
static int send_report(int connection, struct report *report)
{
	uint8_t step[4] = {(uint8_t)(watching_step >> 24), (uint8_t)(watching_step >> 16),
	        (uint8_t)(watching_step >> 8), (uint8_t)watching_step};
	size_t size = report->overflow ? 0 : report->size;
	int result = frame_send(connection, FRAME_RESULT, step, sizeof step, report->bytes, size);
	report->size = 0;
	report->overflow = false;
	return result;
}

/* --- the watch ------------------------------------------------------------------------------------------------------------ */

static int take_message(int connection, struct report *report, const struct nlmsghdr *message)
{
	if (NFNL_SUBSYS_ID(message->nlmsg_type) != NFNL_SUBSYS_NFTABLES) return 0;
	if (message->nlmsg_len < HEADER + FAMILY_HEADER) return 0;
	if (NFNL_MSG_TYPE(message->nlmsg_type) != NFT_MSG_NEWGEN) {
		take_change(report, message);
		return 0;
	}
	if (!made_here(message) && (report->size > 0 || report->overflow)) return send_report(connection, report);
	report->size = 0;
	report->overflow = false;
	return 0;
}

static int take_link(int connection, struct report *report, const struct nlmsghdr *message)
{
	(void)report;
	if (message->nlmsg_type != RTM_DELLINK || message->nlmsg_len < HEADER + sizeof(struct ifinfomsg)) return 0;
	size_t size;
	const char *name = (const void *)find_attribute(message, sizeof(struct ifinfomsg), IFLA_IFNAME, &size);
	size_t length = name ? strnlen(name, size) : 0;
	if (length != strlen(watched_link) || memcmp(name, watched_link, length) != 0) return 0;
	struct report gone = {.overflow = true};
	return send_report(connection, &gone);
}

typedef int take_function(int connection, struct report *report, const struct nlmsghdr *message);

/* Returns 0 when nothing is left to read, -1 when the client is gone. What the queue had no room for may have been anything. */
static int take_all(int fd, take_function *take, int connection, struct report *report)
{
	static _Alignas(struct nlmsghdr) uint8_t buffer[RECEIVE_SIZE];
	for (;;) {
		ssize_t size = recv(fd, buffer, sizeof buffer, MSG_TRUNC);
		if (size < 0 && errno == EINTR) continue;
		if (size < 0 && errno == EAGAIN) return 0;
		if (size < 0 || size > RECEIVE_SIZE) {
			report->overflow = true;
			if (send_report(connection, report) != 0) return -1;
			continue;
		}
		for (size_t at = 0; at + HEADER <= (size_t)size;) {
			const struct nlmsghdr *message = (const void *)(buffer + at);
			if (message->nlmsg_len < HEADER || message->nlmsg_len > (size_t)size - at) break;
			if (take(connection, report, message) != 0) return -1;
			at += ((size_t)message->nlmsg_len + 3) & ~(size_t)3;
		}
	}
}

int watch_serve(int connection)
{
	static struct report report;
	static struct report no_report;
	/* One that is -1 is left out. */
	struct pollfd polled[] = {{.fd = connection, .events = POLLIN}, {.fd = watched, .events = POLLIN},
	        {.fd = watched_links, .events = POLLIN}};
	if (frame_send(connection, FRAME_DONE, NULL, 0, NULL, 0) != 0) return 1;
	for (;;) {
		if (poll(polled, 3, -1) < 0 && errno != EINTR) return 1;
		if (polled[0].revents) return 0;
		if (polled[1].revents && take_all(watched, take_message, connection, &report) != 0) return 1;
		if (polled[2].revents && take_all(watched_links, take_link, connection, &no_report) != 0) return 1;
	}
}
