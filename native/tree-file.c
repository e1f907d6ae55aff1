/* The bytes and the attributes of what is written into a tree. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "tree-writing.h"

/* What a hole can stand for. */
enum { BLOCK = 4096 };

int apply_header(int fd, const struct record *header, struct span xattrs)
{
	char name[OPENED_NAME];
	struct timespec time = {.tv_sec = header->seconds, .tv_nsec = header->nanoseconds};
	struct timespec times[2] = {time, time};
	if (fchownat(fd, "", header->uid, header->gid, AT_EMPTY_PATH) != 0) return -1;
	if (xattrs.size > 0 && xattrs_write(fd, xattrs) != 0) return -1;
	/* A descriptor that was not opened for more has to be named. */
	if (header->kind != RECORD_SYMLINK && fchmod(fd, header->mode & 07777) != 0 &&
	        (errno != EBADF || fchmodat(AT_FDCWD, opened_name(name, fd), header->mode & 07777, 0) != 0))
		return -1;
	return utimensat(fd, "", times, AT_EMPTY_PATH);
}

/* --- data --------------------------------------------------------------------------------------------------------------- */

static bool is_hole(const uint8_t *bytes, size_t size, uint64_t at)
{
	return size >= BLOCK && at % BLOCK == 0 && bytes[0] == 0 && bytes[BLOCK - 1] == 0 &&
	       memcmp(bytes, bytes + 1, BLOCK - 1) == 0;
}

/* How much there is to write before the next hole. */
static size_t run_length(const uint8_t *bytes, size_t size, uint64_t at)
{
	size_t length = 0;
	while (length < size && !is_hole(bytes + length, size - length, at + length)) {
		size_t step = BLOCK - (size_t)((at + length) % BLOCK);
		length += step < size - length ? step : size - length;
	}
	return length;
}

static int write_run(struct incoming *file, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t count = pwrite(file->fd, bytes, size, (off_t)file->at);
		if (count < 0 && errno == EINTR) continue;
		if (count < 0) return -1;
		bytes += count;
		size -= (size_t)count;
		file->at += (uint64_t)count;
		file->written = file->at;
	}
	return 0;
}

static int write_data(struct incoming *file, struct span bytes)
{
	while (bytes.size > 0) {
		size_t length = run_length(bytes.data, bytes.size, file->at);
		if (write_run(file, bytes.data, length) != 0) return -1;
		bytes.data += length;
		bytes.size -= length;
		if (bytes.size == 0) break;
		file->at += BLOCK;
		bytes.data += BLOCK;
		bytes.size -= BLOCK;
	}
	return 0;
}

/* --- files -------------------------------------------------------------------------------------------------------------- */

static int end_file(struct incoming *file)
{
	struct span xattrs = {file->xattrs, file->xattrs_size};
	int result = file->written < file->header.size ? ftruncate(file->fd, (off_t)file->header.size) : 0;
	if (result == 0) result = apply_header(file->fd, &file->header, xattrs);
	int reason = errno;
	/* Network filesystems tell here that there was no space. */
	if (close(file->fd) != 0 && result == 0) {
		result = -1;
		reason = errno;
	}
	file->fd = -1;
	free(file->xattrs);
	file->xattrs = NULL;
	errno = reason;
	return result;
}

int incoming_begin(struct writing *writing, int fd, const struct record *header, const char *path)
{
	struct incoming *file = &writing->file;
	file->fd = fd;
	file->header = *header;
	file->at = file->written = 0;
	file->xattrs_size = header->xattrs.size;
	memcpy(file->path, path, strlen(path) + 1);
	if (header->xattrs.size > 0) {
		file->xattrs = malloc(header->xattrs.size);
		if (!file->xattrs) return fail(writing->failure, ENOMEM, path, NULL);
		memcpy(file->xattrs, header->xattrs.data, header->xattrs.size);
	}
	if (header->size > 0) return 0;
	return end_file(file) == 0 ? 0 : fail(writing->failure, errno, path, NULL);
}

int incoming_data(struct writing *writing, struct span bytes)
{
	struct incoming *file = &writing->file;
	if (bytes.size == 0) return 0;
	if (file->fd < 0 || bytes.size > file->header.size - file->at)
		return fail(writing->failure, EINVAL, file->path, "more data than its header says");
	if (write_data(file, bytes) != 0) return fail(writing->failure, errno, file->path, NULL);
	if (file->at < file->header.size) return 0;
	return end_file(file) == 0 ? 0 : fail(writing->failure, errno, file->path, NULL);
}
