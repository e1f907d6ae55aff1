#include "jsonlog.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static char *put(char *out, const char *text, size_t length)
{
	memcpy(out, text, length);
	return out + length;
}

static char *put_text(char *out, const char *text)
{
	return put(out, text, strlen(text));
}

static int is_plain(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\' && byte != '<' && byte != '>' && byte != '&';
}

static int is_continuation(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/* Bytes of the valid UTF-8 sequence at `bytes`, which is not ASCII; 0 if there is none (overlong, surrogate, cut off, too big). */
static size_t sequence_length(const uint8_t *bytes, size_t count)
{
	uint8_t lead = bytes[0];
	uint8_t low = 0x80;
	uint8_t high = 0xbf;
	size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (lead < 0xc2 || lead > 0xf4 || count < length)
		return 0;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f;
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (bytes[1] < low || bytes[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (!is_continuation(bytes[i]))
			return 0;
	return length;
}

static char *put_ascii_escape(char *out, uint8_t byte)
{
	static const char hex[] = "0123456789abcdef";

	*out++ = '\\';
	switch (byte) {
	case '"':
	case '\\':
		*out++ = (char)byte;
		return out;
	case '\n':
		*out++ = 'n';
		return out;
	case '\r':
		*out++ = 'r';
		return out;
	}
	out = put(out, "u00", 3);
	*out++ = hex[byte >> 4];
	*out++ = hex[byte & 15];
	return out;
}

static int is_line_separator(const uint8_t *sequence, size_t length)
{
	return length == 3 && sequence[0] == 0xe2 && sequence[1] == 0x80 && (sequence[2] & 0xfe) == 0xa8;
}

size_t jsonlog_escape(const uint8_t *bytes, size_t count, char *out)
{
	char *const begin = out;
	size_t i = 0;

	while (i < count) {
		size_t run = i;
		size_t length;

		while (run < count && is_plain(bytes[run]))
			run++;
		out = put(out, (const char *)bytes + i, run - i);
		i = run;
		if (i == count)
			break;
		if (bytes[i] < 0x80) {
			out = put_ascii_escape(out, bytes[i++]);
			continue;
		}
		length = sequence_length(bytes + i, count - i);
		if (length == 0)
			out = put(out, "\\ufffd", 6);
		else if (is_line_separator(bytes + i, length))
			out = put(out, bytes[i + 2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
		else
			out = put(out, (const char *)bytes + i, length);
		i += length ? length : 1;
	}
	return (size_t)(out - begin);
}

size_t jsonlog_bound(size_t length, size_t attributes_length)
{
	return length * 6 + attributes_length + 128;
}

size_t jsonlog_encode(const struct log_record *record, char *out)
{
	char *const begin = out;

	out = put_text(out, "{\"log\":\"");
	out += jsonlog_escape(record->line, record->length, out);
	out = put_text(out, "\",\"stream\":\"");
	out = put_text(out, record->stream);
	out = put_text(out, "\",");
	if (record->attributes_length) {
		out = put_text(out, "\"attrs\":");
		out = put(out, record->attributes, record->attributes_length);
		*out++ = ',';
	}
	out = put_text(out, "\"time\":\"");
	out = put_text(out, record->timestamp);
	out = put_text(out, "\"}\n");
	return (size_t)(out - begin);
}

void timestamp_format(char text[TIMESTAMP_SIZE], int64_t nanoseconds)
{
	time_t seconds = (time_t)(nanoseconds / 1000000000);
	long fraction = (long)(nanoseconds % 1000000000);
	struct tm utc;
	int digits = 9;

	gmtime_r(&seconds, &utc);
	text += strftime(text, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
	if (fraction == 0) {
		memcpy(text, "Z", 2);
		return;
	}
	while (fraction % 10 == 0) {
		fraction /= 10;
		digits--;
	}
	snprintf(text, 12, ".%0*ldZ", digits, fraction);
}
