#ifndef SAMPAN_JSONLOG_H
#define SAMPAN_JSONLOG_H

#include <stddef.h>
#include <stdint.h>

enum {
	/* Docker splits longer lines into records of this many bytes. */
	LINE_MAX_BYTES = 16 << 10,
	/* "2024-01-01T00:00:00.123456789Z" and a terminator. */
	TIMESTAMP_SIZE = 31,
};

/* One record of Docker's json-file format, before it is text. */
struct log_record {
	const char *stream;
	const char *timestamp;
	/* The text of a JSON object, or empty. */
	const char *attributes;
	size_t attributes_length;
	const uint8_t *line;
	size_t length;
};

/* Formats nanoseconds since the epoch as Go's RFC3339Nano in UTC does: no trailing zeros in the fraction. */
void timestamp_format(char text[TIMESTAMP_SIZE], int64_t nanoseconds);

/* An upper bound of the size of a record whose line has `length` bytes. */
size_t jsonlog_bound(size_t length, size_t attributes_length);
/* Writes the record with its newline and returns its size; `out` has room for jsonlog_bound. */
size_t jsonlog_encode(const struct log_record *record, char *out);
/* Writes bytes as the inside of a JSON string as Docker's encoder does: at most six characters for each byte. */
size_t jsonlog_escape(const uint8_t *bytes, size_t count, char *out);

#endif
