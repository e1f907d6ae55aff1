/* Reading a tree: headers and data of an object and all below it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"
#include "tree-descent.h"
#include "tree-links.h"
#include "tree.h"

enum { PROCFS_FILE_MAX = 64 << 20 };

struct reading {
	struct tree *tree;
	const struct request *request;
	struct descent descent;
	struct links links;
	uint64_t mount; /* of the object that was asked for */
	uint8_t xattrs[TREE_XATTRS_MAX];
	char target[PATH_MAX];
	struct failure *failure;
};

static int fail_at(struct reading *reading, const char *name)
{
	const char *words = errno == EOVERFLOW      ? "too many names to sort or to remember"
	                    : errno == E2BIG        ? "its extended attributes are too large"
	                    : errno == ENAMETOOLONG ? "the path is too long"
	                    : errno == ESTALE       ? "a directory was moved while it was read"
	                                            : NULL;
	int reason = errno;
	return words ? fail(reading->failure, reason, name, "%s", words)
	             : fail(reading->failure, reason, name, NULL);
}

/* Exactly as much as the header announced: what is missing meanwhile is zeros. */
static int send_data(struct reading *reading, int fd, uint64_t size)
{
	struct outbox *outbox = &reading->tree->outbox;
	bool ended = false;
	while (size > 0) {
		size_t room = size > TREE_FRAME_FULL ? TREE_FRAME_FULL : (size_t)size;
		uint8_t *bytes = outbox_room(outbox, &room);
		if (!bytes) return -1;
		ssize_t count = ended ? 0 : read(fd, bytes, room);
		if (count < 0 && errno == EINTR) continue;
		if (count < 0 && !is_kernels(fd)) return -1;
		if (count <= 0) {
			ended = true;
			memset(bytes, 0, room);
			count = (ssize_t)room;
		}
		outbox_fill(outbox, (size_t)count);
		size -= (uint64_t)count;
	}
	return 0;
}

static struct span span_of(const char *text)
{
	return (struct span){(const uint8_t *)text, strlen(text)};
}

/* /proc/kcore is all of the memory, and nothing that a tree could hold. */
static uint64_t size_of(int fd, const struct statx *status)
{
	if (!S_ISREG(status->stx_mode)) return 0;
	bool endless = status->stx_size > PROCFS_FILE_MAX && on_filesystem(fd, PROC_SUPER_MAGIC);
	return endless ? 0 : status->stx_size;
}

/* The header of an object whose path is `path`. */
static int describe(struct reading *reading, const struct opened *object, const struct statx *status,
        const char *path, struct record *record)
{
	const char *first = NULL;
	size_t xattrs_size = 0;
	*record = (struct record){
	        .kind = (uint8_t)kind_of(status->stx_mode),
	        .mode = status->stx_mode & 07777,
	        .uid = status->stx_uid,
	        .gid = status->stx_gid,
	        .seconds = status->stx_mtime.tv_sec,
	        .nanoseconds = status->stx_mtime.tv_nsec,
	        .size = size_of(object->fd, status),
	        .major = status->stx_rdev_major,
	        .minor = status->stx_rdev_minor,
	        .name = span_of(path),
	};
	if (record->kind != RECORD_DIRECTORY && links_look(&reading->links, status, path, &first) != 0)
		return -1;
	if (first) {
		record->kind = RECORD_HARDLINK;
		record->size = 0;
		record->link = span_of(first);
		return 0;
	}
	if (record->kind == RECORD_SYMLINK) {
		ssize_t size = readlinkat(object->fd, "", reading->target, sizeof reading->target);
		if (size < 0) return -1;
		record->link = (struct span){(const uint8_t *)reading->target, (size_t)size};
	}
	if (xattrs_read(object, reading->request, reading->xattrs, &xattrs_size) != 0) return -1;
	record->xattrs = (struct span){reading->xattrs, xattrs_size};
	return 0;
}

static bool is_foreign(const struct reading *reading, const struct statx *status)
{
	return status->stx_mnt_id != reading->mount && !(reading->request->flags & READ_CROSS_MOUNTS);
}

/* A process's files in procfs, or a file on a network filesystem, may go while they are looked at. */
static bool has_gone(int errnum)
{
	return errnum == ENOENT || errnum == ESRCH || errnum == ESTALE;
}

enum content { NOTHING, NAMES, DATA };

/* What of an object is to be sent beside its header. */
static enum content content_of(const struct reading *reading, int fd, const struct statx *status)
{
	if (S_ISDIR(status->stx_mode)) return is_foreign(reading, status) ? NOTHING : NAMES;
	return (reading->request->flags & READ_DATA) && size_of(fd, status) > 0 ? DATA : NOTHING;
}

/* Not all that the kernel shows as files can be read: such have no data. -1 with errno. */
static int open_content(struct opened *object, enum content *content)
{
	if (*content == NOTHING) return 0;
	object->readable = reopen(object->fd, O_RDONLY | (*content == NAMES ? O_DIRECTORY : 0));
	if (object->readable >= 0) return 0;
	int reason = errno;
	bool is_word = *content == DATA && !has_gone(reason) && is_kernels(object->fd);
	errno = reason;
	if (!is_word) return -1;
	*content = NOTHING;
	return 0;
}

static int send_content(struct reading *reading, enum content content, struct opened *object,
        const struct statx *status, const char *name, uint64_t size)
{
	if (content == DATA) return send_data(reading, object->readable, size);
	if (content == NAMES)
		return descent_enter(&reading->descent, keep_fd(&object->readable), status, name);
	return 0;
}

/* Sends the object `fd` (O_PATH) and goes down into it when it is a directory. */
static int read_object(struct reading *reading, int fd, const struct statx *status, const char *name)
{
	bool top = reading->descent.depth == 0;
	struct record record;
	struct opened object = {fd, -1};
	if (S_ISSOCK(status->stx_mode) || (is_foreign(reading, status) && !S_ISDIR(status->stx_mode)))
		return 0;
	const char *path = top ? "." : descent_path(&reading->descent, name);
	if (!path) return -1;
	enum content content = content_of(reading, fd, status);
	int result = open_content(&object, &content);
	if (result == 0) result = describe(reading, &object, status, path, &record);
	if (result != 0) {
		result = !top && has_gone(errno) ? 0 : -1;
	} else {
		if (record.kind == RECORD_HARDLINK) content = NOTHING;
		if (content == NOTHING && (reading->request->flags & READ_DATA)) record.size = 0;
		result = outbox_header(&reading->tree->outbox, &record);
		if (result == 0) result = send_content(reading, content, &object, status, name, record.size);
	}
	close_fd(&object.readable);
	return result;
}

/* What has gone since its name was read is left out. */
static int read_name(struct reading *reading, const char *name)
{
	struct statx status;
	autoclose fd = openat(descent_top(&reading->descent)->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || status_of(fd, &status) != 0) return has_gone(errno) ? 0 : -1;
	return read_object(reading, fd, &status, name);
}

static int read_below(struct reading *reading)
{
	while (reading->descent.depth > 0) {
		const char *name = descent_next(&reading->descent);
		if (!name) {
			if (descent_leave(&reading->descent) != 0)
				return fail_at(reading, reading->descent.path);
		} else if (read_name(reading, name) != 0) {
			const char *path = descent_path(&reading->descent, name);
			return fail_at(reading, path ? path : name);
		}
	}
	return 0;
}

static int read_all(struct reading *reading, const struct found *found)
{
	struct outbox *outbox = &reading->tree->outbox;
	reading->mount = found->status.stx_mnt_id;
	int result = read_object(reading, found->fd, &found->status, "") == 0 ? read_below(reading)
	                                                                      : fail_at(reading, found->path);
	if (outbox_flush(outbox) != 0 && !outbox->cancelled) return 0;
	if (outbox->cancelled) result = 0;
	if (result == 0 && frame_send(outbox->fd, FRAME_TREE_END, NULL, 0, NULL, 0) != 0) outbox->gone = true;
	return result;
}

int tree_read(struct tree *tree, const struct request *request, struct failure *failure)
{
	struct found found;
	tree->outbox.cancelled = false;
	if (tree_find(tree->root, request->path, false, &found, failure) != 0) return -1;
	struct reading *reading = calloc(1, sizeof *reading);
	int result = -1;
	if (!reading) {
		fail(failure, ENOMEM, "", NULL);
	} else {
		reading->tree = tree;
		reading->request = request;
		reading->failure = failure;
		result = read_all(reading, &found);
		descent_release(&reading->descent);
		links_release(&reading->links);
		free(reading);
	}
	close_fd(&found.fd);
	return result;
}
