#ifndef SAMPAN_LOGFILE_H
#define SAMPAN_LOGFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "jsonlog.h"

struct log_options;

/* A line of one stream that has not ended yet. */
struct log_line {
	uint8_t *bytes; /* LINE_MAX_BYTES, made when first needed */
	size_t length;
	/* Set while `bytes` continues a line whose beginning is a record already: its time is that of the beginning. */
	bool continued;
	char timestamp[TIMESTAMP_SIZE];
};

/* A container's log in Docker's json-file format, rotated by size. */
struct logfile {
	const struct log_options *options;
	size_t attributes_length;
	int fd; /* -1: closed, or the file cannot be opened */
	/* Bytes in the file, with those that wait in `pending`. */
	uint64_t size;
	char *pending;
	size_t pending_length;
	size_t pending_capacity;
	/* Something was dropped already, and said so. */
	bool complained;
	void (*on_loss)(const char *text);
	pid_t compressor;
	struct log_line lines[2];
};

/*
 * Opens for appending. `options` outlives the log; a NULL path makes a log that takes everything and keeps nothing.
 * `on_loss` (or NULL) is told once when the disk fails. Returns -1 with errno when there is no file to begin with.
 */
int logfile_open(struct logfile *log, const struct log_options *options, void (*on_loss)(const char *text));
/* Records the output of `stream` (1 stdout, 2 stderr). A failing disk loses records; it never fails the caller. */
void logfile_write(struct logfile *log, int stream, const uint8_t *bytes, size_t count);
/* Writes out the lines that never ended. */
void logfile_close(struct logfile *log);
/* Tells that a child was reaped, so that the log knows when its compressor is done. */
void logfile_reaped(struct logfile *log, pid_t pid);

#endif
