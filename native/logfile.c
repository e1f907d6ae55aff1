#include "logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gzip.h"
#include "run.h"

static const char *const stream_names[] = { "stdout", "stderr" };

static void complain(struct logfile *log, const char *what)
{
	char text[512];
	int reason = errno;

	if (log->complained)
		return;
	log->complained = true;
	snprintf(text, sizeof(text), "%s %s: %s; output is lost", what, log->options->path, strerror(reason));
	if (log->on_loss)
		log->on_loss(text);
	errno = reason;
}

static void open_file(struct logfile *log, int flags)
{
	struct stat status;

	log->fd = open(log->options->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0640);
	log->size = 0;
	if (log->fd < 0)
		complain(log, "open");
	else if (fstat(log->fd, &status) == 0)
		log->size = (uint64_t)status.st_size;
}

int logfile_open(struct logfile *log, const struct log_options *options, void (*on_loss)(const char *text))
{
	*log = (struct logfile){ .options = options, .fd = -1, .on_loss = on_loss };
	if (!options->path)
		return 0;
	log->attributes_length = options->attributes ? strlen(options->attributes) : 0;
	open_file(log, 0);
	return log->fd < 0 ? -1 : 0;
}

/* A record is never left half written by a full disk: what does not fit is cut off again. */
static void flush_pending(struct logfile *log)
{
	size_t written = 0;

	while (written < log->pending_length) {
		ssize_t count = write(log->fd, log->pending + written, log->pending_length - written);

		if (count >= 0) {
			written += (size_t)count;
		} else if (errno != EINTR) {
			complain(log, "write");
			log->size -= log->pending_length;
			if (written && ftruncate(log->fd, (off_t)log->size) < 0)
				log->size += written;
			break;
		}
	}
	log->pending_length = 0;
}

static void rotated_name(const struct logfile *log, char *name, size_t size, unsigned index)
{
	snprintf(name, size, "%s.%u%s", log->options->path, index, log->options->compress ? ".gz" : "");
}

/* The newest old file is `.1`; the oldest that is kept is `.N-1`. */
static void shift_old_files(const struct logfile *log)
{
	char from[4096];
	char to[4096];
	unsigned free_index = 1;

	/* Far more may be allowed than there are. */
	for (; free_index < log->options->max_files - 1; free_index++) {
		rotated_name(log, to, sizeof(to), free_index);
		if (access(to, F_OK) < 0)
			break;
	}
	for (unsigned i = free_index; i > 1; i--) {
		rotated_name(log, from, sizeof(from), i - 1);
		rotated_name(log, to, sizeof(to), i);
		rename(from, to);
	}
}

/* In a process of its own: the container's output does not wait for it. */
static void compress_rotated(struct logfile *log, const char *plain)
{
	char packed[4096];

	rotated_name(log, packed, sizeof(packed), 1);
	log->compressor = fork();
	if (log->compressor == 0) {
		/* Nobody shall wait for the end of a stream that this process happens to have a copy of. */
		close_range(3, ~0U, 0);
		_exit(gzip_replace(plain, packed) < 0);
	}
	if (log->compressor < 0)
		log->compressor = 0;
}

static void rotate(struct logfile *log)
{
	char plain[4096];

	/* Two at once would work on the same names. */
	if (log->compressor) {
		waitpid(log->compressor, NULL, 0);
		log->compressor = 0;
	}
	if (log->options->max_files > 1) {
		shift_old_files(log);
		snprintf(plain, sizeof(plain), "%s.1", log->options->path);
		if (rename(log->options->path, plain) < 0)
			complain(log, "rename");
		else if (log->options->compress)
			compress_rotated(log, plain);
	}
	close(log->fd);
	open_file(log, O_TRUNC);
}

static bool reserve(struct logfile *log, size_t bound)
{
	enum { BATCH = 128 << 10 };
	size_t capacity = bound > BATCH ? bound : BATCH;
	char *grown;

	if (log->pending_capacity - log->pending_length >= bound)
		return true;
	flush_pending(log);
	if (log->pending_capacity >= bound)
		return true;
	grown = realloc(log->pending, capacity);
	if (!grown)
		return false;
	log->pending = grown;
	log->pending_capacity = capacity;
	return true;
}

static void add_record(struct logfile *log, const struct log_record *record)
{
	char *begin;
	size_t size;
	uint64_t limit = log->options->max_size;

	if (!reserve(log, jsonlog_bound(record->length, record->attributes_length)))
		return;
	begin = log->pending + log->pending_length;
	size = jsonlog_encode(record, begin);
	if (limit && log->size && log->size + size > limit) {
		flush_pending(log);
		rotate(log);
		if (log->fd < 0)
			return;
		memmove(log->pending, begin, size);
	}
	log->pending_length += size;
	log->size += size;
}

static void add_line(struct logfile *log, int stream, const uint8_t *bytes, size_t count, const char *timestamp)
{
	struct log_line *line = &log->lines[stream - 1];
	struct log_record record = {
		.stream = stream_names[stream - 1],
		.timestamp = line->continued ? line->timestamp : timestamp,
		.attributes = log->options->attributes,
		.attributes_length = log->attributes_length,
		.line = bytes,
		.length = count,
	};

	add_record(log, &record);
	if (bytes[count - 1] == '\n') {
		line->continued = false;
	} else if (!line->continued) {
		line->continued = true;
		memcpy(line->timestamp, timestamp, TIMESTAMP_SIZE);
	}
}

/* Keeps what is not a whole line yet. */
static size_t keep(struct log_line *line, const uint8_t *bytes, size_t count)
{
	size_t room = LINE_MAX_BYTES - line->length;

	if (count > room)
		count = room;
	if (!line->bytes)
		line->bytes = malloc(LINE_MAX_BYTES);
	if (line->bytes) {
		memcpy(line->bytes + line->length, bytes, count);
		line->length += count;
	}
	return count;
}

/* Takes the beginning of `bytes`: at most one line, and not more than fits into a record. */
static size_t take(struct logfile *log, int stream, const uint8_t *bytes, size_t count, const char *timestamp)
{
	struct log_line *line = &log->lines[stream - 1];
	size_t room = LINE_MAX_BYTES - line->length;
	const uint8_t *newline = memchr(bytes, '\n', count < room ? count : room);
	size_t length = newline ? (size_t)(newline - bytes) + 1 : count < room ? count : room;
	bool whole = newline || length == room;

	if (whole && line->length == 0) {
		add_line(log, stream, bytes, length, timestamp);
		return length;
	}
	keep(line, bytes, length);
	if (whole && line->length) {
		add_line(log, stream, line->bytes, line->length, timestamp);
		line->length = 0;
	}
	return length;
}

static void timestamp_now(char text[TIMESTAMP_SIZE])
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	timestamp_format(text, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
}

void logfile_write(struct logfile *log, int stream, const uint8_t *bytes, size_t count)
{
	char timestamp[TIMESTAMP_SIZE];

	if (log->options->path && log->fd < 0)
		open_file(log, 0);
	if (log->fd < 0)
		return;
	/* What was read at once was written at about the same time. */
	timestamp_now(timestamp);
	while (count && log->fd >= 0) {
		size_t taken = take(log, stream, bytes, count, timestamp);

		bytes += taken;
		count -= taken;
	}
	flush_pending(log);
}

void logfile_close(struct logfile *log)
{
	char timestamp[TIMESTAMP_SIZE];

	timestamp_now(timestamp);
	for (int stream = 1; stream <= 2; stream++) {
		struct log_line *line = &log->lines[stream - 1];

		if (line->length && log->fd >= 0)
			add_line(log, stream, line->bytes, line->length, timestamp);
		free(line->bytes);
		*line = (struct log_line){ 0 };
	}
	if (log->fd >= 0) {
		flush_pending(log);
		close(log->fd);
		log->fd = -1;
	}
	free(log->pending);
	log->pending = NULL;
	log->pending_capacity = 0;
}

void logfile_reaped(struct logfile *log, pid_t pid)
{
	if (log->compressor == pid)
		log->compressor = 0;
}
