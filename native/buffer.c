#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int make_room(struct buffer *buffer, size_t count)
{
	size_t length = buffer_length(buffer);
	size_t capacity = buffer->capacity;
	uint8_t *data;

	if (capacity - buffer->end >= count)
		return 0;
	/* Moving is worth it only when it frees at least as much as it copies. */
	if (capacity - length >= count && buffer->start >= length) {
		memmove(buffer->data, buffer_head(buffer), length);
	} else {
		if (capacity == 0)
			capacity = 512;
		while (capacity - length < count)
			capacity *= 2;
		data = malloc(capacity);
		if (!data)
			return -1;
		if (length)
			memcpy(data, buffer_head(buffer), length);
		free(buffer->data);
		buffer->data = data;
		buffer->capacity = capacity;
	}
	buffer->start = 0;
	buffer->end = length;
	return 0;
}

int buffer_append(struct buffer *buffer, const void *bytes, size_t count)
{
	if (count == 0)
		return 0;
	if (make_room(buffer, count) < 0)
		return -1;
	memcpy(buffer->data + buffer->end, bytes, count);
	buffer->end += count;
	return 0;
}

int buffer_printf(struct buffer *buffer, const char *format, ...)
{
	char text[512];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(text))
		return -1;
	return buffer_append(buffer, text, (size_t)length);
}

void buffer_consume(struct buffer *buffer, size_t count)
{
	buffer->start += count;
	if (buffer->start == buffer->end)
		buffer_release(buffer);
}

void buffer_release(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){ 0 };
}
