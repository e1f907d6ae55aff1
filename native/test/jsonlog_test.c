/* The log encoder against what Docker's own (Go's) writes for the same bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jsonlog.h"

struct escape_case {
	const char *what;
	const char *bytes;
	const char *expected;
};

static const struct escape_case escapes[] = {
	{ "plain text", "hello world", "hello world" },
	{ "quotes and backslashes", "\"\\", "\\\"\\\\" },
	{ "newline and return", "a\r\n", "a\\r\\n" },
	{ "other control characters", "\t\x01\x1b[0m", "\\u0009\\u0001\\u001b[0m" },
	{ "delete, which Go leaves", "\x7f", "\x7f" },
	{ "HTML characters", "<a&b>", "\\u003ca\\u0026b\\u003e" },
	{ "valid sequences of 2, 3 and 4 bytes", "é€😀", "é€😀" },
	{ "line and paragraph separators", "\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029" },
	{ "a neighbour of the separators", "\xe2\x80\xaa", "\xe2\x80\xaa" },
	{ "a lone continuation byte", "a\x80z", "a\\ufffdz" },
	{ "bytes that never occur", "\xff\xfe\xc0\xc1\xf5", "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd" },
	{ "an overlong slash", "\xc0\xaf", "\\ufffd\\ufffd" },
	{ "an overlong three-byte form", "\xe0\x80\xaf", "\\ufffd\\ufffd\\ufffd" },
	{ "an overlong four-byte form", "\xf0\x80\x80\xaf", "\\ufffd\\ufffd\\ufffd\\ufffd" },
	{ "a surrogate", "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd" },
	{ "the last before the surrogates", "\xed\x9f\xbf", "\xed\x9f\xbf" },
	{ "beyond U+10FFFF", "\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd" },
	{ "U+10FFFF", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
	{ "a sequence cut off by the end", "a\xe2\x82", "a\\ufffd\\ufffd" },
	{ "a sequence cut off by a letter", "\xe2\x82z", "\\ufffd\\ufffdz" },
	{ "the replacement character itself", "\xef\xbf\xbd", "\xef\xbf\xbd" },
};

struct time_case {
	int64_t nanoseconds;
	const char *expected;
};

static const struct time_case times[] = {
	{ 0, "1970-01-01T00:00:00Z" },
	{ 1704067200123456789, "2024-01-01T00:00:00.123456789Z" },
	{ 1704067200123000000, "2024-01-01T00:00:00.123Z" },
	{ 1704067200000000010, "2024-01-01T00:00:00.00000001Z" },
	{ 1709251199900000000, "2024-02-29T23:59:59.9Z" },
	{ 1704067200000000000, "2024-01-01T00:00:00Z" },
};

static int failures;

static void expect(const char *what, const char *expected, const char *actual, size_t length)
{
	if (strlen(expected) == length && memcmp(expected, actual, length) == 0)
		return;
	printf("FAIL %s: expected %s, got %.*s\n", what, expected, (int)length, actual);
	failures++;
}

static void test_escapes(void)
{
	for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++) {
		size_t length = strlen(escapes[i].bytes);
		/* Exactly as much as is promised to suffice, and no terminator to run into: sanitizers tell. */
		uint8_t *bytes = malloc(length);
		char *out = malloc(length * 6);

		if (!bytes || !out)
			abort();
		memcpy(bytes, escapes[i].bytes, length);
		expect(escapes[i].what, escapes[i].expected, out, jsonlog_escape(bytes, length, out));
		free(bytes);
		free(out);
	}
}

static void test_records(void)
{
	char out[256];
	struct log_record record = {
		.stream = "stdout",
		.timestamp = "2024-01-01T00:00:00.123456789Z",
		.line = (const uint8_t *)"text\n",
		.length = 5,
	};

	expect("a record", "{\"log\":\"text\\n\",\"stream\":\"stdout\",\"time\":\"2024-01-01T00:00:00.123456789Z\"}\n", out,
	       jsonlog_encode(&record, out));
	record.attributes = "{\"tag\":\"x\"}";
	record.attributes_length = strlen(record.attributes);
	expect("a record with attributes",
	       "{\"log\":\"text\\n\",\"stream\":\"stdout\",\"attrs\":{\"tag\":\"x\"},\"time\":\"2024-01-01T00:00:00.123456789Z\"}\n",
	       out, jsonlog_encode(&record, out));
}

static void test_times(void)
{
	char text[TIMESTAMP_SIZE];

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		timestamp_format(text, times[i].nanoseconds);
		expect("a time", times[i].expected, text, strlen(text));
	}
}

int main(void)
{
	test_escapes();
	test_records();
	test_times();
	return failures != 0;
}
