#ifndef SAMPAN_BUFFER_H
#define SAMPAN_BUFFER_H

#include <stddef.h>
#include <stdint.h>

/* A queue of bytes that costs no memory while it is empty. Zero-initialised is empty. */
struct buffer {
	uint8_t *data;
	size_t start;
	size_t end;
	size_t capacity;
};

static inline size_t buffer_length(const struct buffer *buffer)
{
	return buffer->end - buffer->start;
}

static inline uint8_t *buffer_head(const struct buffer *buffer)
{
	return buffer->data + buffer->start;
}

/* Returns -1 when memory is short, and then the buffer is as before. */
int buffer_append(struct buffer *buffer, const void *bytes, size_t count);
int buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops `count` bytes at the head; the last one gives the memory back. */
void buffer_consume(struct buffer *buffer, size_t count);
void buffer_release(struct buffer *buffer);

#endif
