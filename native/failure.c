/* Failures: filling them, and their JSON text. */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"

int fail(struct failure *failure, int errnum, const char *subject, const char *detail, ...)
{
	failure->errnum = errnum;
	snprintf(failure->subject, sizeof failure->subject, "%s", subject);
	failure->detail[0] = 0;
	if (detail) {
		va_list arguments;
		va_start(arguments, detail);
		vsnprintf(failure->detail, sizeof failure->detail, detail, arguments);
		va_end(arguments);
	}
	return -1;
}

/*
 * A text as a JSON string. Names of files may be any bytes: those that are not UTF-8 are left to the reader's decoder, which
 * replaces them.
 */
static void put_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte == '"' || byte == '\\') {
			fputc('\\', out);
			fputc(byte, out);
		} else if (byte < 0x20) {
			fprintf(out, "\\u%04x", byte);
		} else {
			fputc(byte, out);
		}
	}
	fputc('"', out);
}

char *failure_json(const struct failure *failure)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out) return NULL;
	fprintf(out, "{\"stage\":\"%s\",\"operation\":\"%s\",\"index\":%u,\"errno\":%d,\"subject\":",
	        stage_name(failure->stage), operation_name(failure->operation), failure->index,
	        failure->errnum);
	put_string(out, failure->subject);
	fputs(",\"detail\":", out);
	put_string(out, failure->detail);
	fputc('}', out);
	return fclose(out) == 0 ? text : NULL;
}
