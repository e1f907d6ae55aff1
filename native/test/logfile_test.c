/* Lines, splits and rotation of the log file. */
#include "logfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

static int failures;
static char directory[] = "/tmp/sampan-logfile-XXXXXX";
static char path[128];

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	printf("FAIL %s\n", what);
	failures++;
}

static char *contents(const char *suffix)
{
	char name[160];
	char *text = calloc(1, 1 << 20);
	FILE *file;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	file = fopen(name, "r");
	if (!text)
		abort();
	if (file) {
		size_t length = fread(text, 1, (1 << 20) - 1, file);

		text[length] = '\0';
		fclose(file);
	}
	return text;
}

/* The records' "log" and "stream" only: `hello\n|stdout ` for each. */
static char *summary(const char *suffix)
{
	char *text = contents(suffix);
	char *out = calloc(1, 1 << 20);
	char *at = out;

	if (!out)
		abort();
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char *log = strstr(line, "\"log\":\"") + 7;
		char *stream = strstr(log, "\",\"stream\":\"");
		char *end = strstr(stream + 12, "\"");

		at += sprintf(at, "%.*s|%.*s ", (int)(stream - log), log, (int)(end - stream - 12), stream + 12);
	}
	free(text);
	return out;
}

static void expect_summary(const char *suffix, const char *expected, const char *what)
{
	char *actual = summary(suffix);

	if (strcmp(actual, expected) != 0)
		printf("expected %.200s, got %.200s\n", expected, actual);
	check(strcmp(actual, expected) == 0, what);
	free(actual);
}

static void put(struct logfile *log, int stream, const char *text)
{
	logfile_write(log, stream, (const uint8_t *)text, strlen(text));
}

static void test_lines(void)
{
	struct log_options options = { .path = path, .max_files = 1 };
	struct logfile log;

	logfile_open(&log, &options, NULL);
	put(&log, 1, "one\ntw");
	put(&log, 2, "error ");
	put(&log, 1, "o\n\nlast");
	put(&log, 2, "text\n");
	expect_summary("", "one\\n|stdout two\\n|stdout \\n|stdout error text\\n|stderr ", "streams are buffered by line, each for itself");
	logfile_close(&log);
	expect_summary("", "one\\n|stdout two\\n|stdout \\n|stdout error text\\n|stderr last|stdout ", "the last line needs no newline");
	unlink(path);
}

static size_t count_of(const char *text, char wanted)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == wanted;
	return count;
}

static void test_splits(void)
{
	static const size_t chunks[] = { 1000, LINE_MAX_BYTES, 3 * LINE_MAX_BYTES };

	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		struct log_options options = { .path = path, .max_files = 1 };
		struct logfile log;
		size_t total = 2 * LINE_MAX_BYTES;
		char *line = malloc(total + 3);
		char *text;

		if (!line)
			abort();
		memset(line, '#', total);
		memcpy(line + total, "\nz", 3);
		logfile_open(&log, &options, NULL);
		for (size_t at = 0; at < total + 2; at += chunks[i]) {
			size_t rest = total + 2 - at;

			logfile_write(&log, 1, (uint8_t *)line + at, rest < chunks[i] ? rest : chunks[i]);
		}
		logfile_close(&log);
		text = contents("");
		check(count_of(text, '#') == total, "a split line keeps every byte");
		check(count_of(text, '\n') == 4, "a line of 32 KiB is two records, its newline a third, the next line a fourth");
		check(strstr(text, "{\"log\":\"\\n\",") != NULL, "the newline is a record of its own");
		free(text);
		free(line);
		unlink(path);
	}
}

static void test_line_that_just_fits(void)
{
	struct log_options options = { .path = path, .max_files = 1 };
	struct logfile log;
	char *line = malloc(LINE_MAX_BYTES);
	char *text;

	if (!line)
		abort();
	memset(line, '#', LINE_MAX_BYTES - 1);
	line[LINE_MAX_BYTES - 1] = '\n';
	logfile_open(&log, &options, NULL);
	logfile_write(&log, 1, (uint8_t *)line, 7);
	logfile_write(&log, 1, (uint8_t *)line + 7, LINE_MAX_BYTES - 7);
	logfile_close(&log);
	text = contents("");
	check(count_of(text, '\n') == 1, "a line of 16 KiB with its newline is one record");
	free(text);
	free(line);
	unlink(path);
}

static void remove_rotated(const char *suffix)
{
	char name[160];

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	check(unlink(name) == 0, suffix);
}

static void test_rotation(void)
{
	struct log_options options = { .path = path, .max_files = 3, .max_size = 200 };
	struct logfile log;
	struct stat status;

	logfile_open(&log, &options, NULL);
	for (char line[] = "1\n"; line[0] <= '9'; line[0]++)
		put(&log, 1, line);
	logfile_close(&log);
	check(stat(path, &status) == 0 && status.st_size <= 200, "a file never outgrows its limit");
	expect_summary("", "9\\n|stdout ", "the newest record is in the file itself");
	expect_summary(".1", "7\\n|stdout 8\\n|stdout ", "the newest old file is .1");
	expect_summary(".2", "5\\n|stdout 6\\n|stdout ", "the oldest that is kept is .2");
	expect_summary(".3", "", "no more are kept");
	remove_rotated(".1");
	remove_rotated(".2");
	unlink(path);
}

static void test_single_file(void)
{
	struct log_options options = { .path = path, .max_files = 1, .max_size = 200 };
	struct logfile log;

	logfile_open(&log, &options, NULL);
	put(&log, 1, "1\n2\n3\n");
	logfile_close(&log);
	expect_summary("", "3\\n|stdout ", "one file alone begins anew");
	unlink(path);
}

static void test_compression(void)
{
	struct log_options options = { .path = path, .max_files = 2, .max_size = 4096, .compress = true };
	struct logfile log;
	char command[512];

	logfile_open(&log, &options, NULL);
	for (int i = 0; i < 60; i++)
		put(&log, 1, "the same line again and again\n");
	check(log.compressor > 0, "a rotated file is compressed");
	waitpid(log.compressor, NULL, 0);
	logfile_reaped(&log, log.compressor);
	logfile_close(&log);
	snprintf(command, sizeof(command), "test \"$(gzip -dc %s.1.gz | grep -c again)\" -gt 10 && test ! -e %s.1", path, path);
	check(system(command) == 0, "gzip reads it");
	remove_rotated(".1.gz");
	unlink(path);
}

int main(void)
{
	if (!mkdtemp(directory))
		return 1;
	snprintf(path, sizeof(path), "%s/log", directory);
	test_lines();
	test_splits();
	test_line_that_just_fits();
	test_rotation();
	test_single_file();
	test_compression();
	rmdir(directory);
	return failures != 0;
}
