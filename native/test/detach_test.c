/* Detach keys, however the input is cut. */
#include "detach.h"

#include <stdio.h>
#include <string.h>

struct detach_case {
	const char *what;
	const char *keys;
	const char *input;
	const char *passed;
	bool detached;
};

static const struct detach_case cases[] = {
	{ "no keys pass everything", "", "abc", "abc", false },
	{ "the sequence alone", "PQ", "PQ", "", true },
	{ "text before and after it", "PQ", "abPQcd", "ab", true },
	{ "its beginning is withheld", "PQ", "abP", "ab", false },
	{ "a broken-off beginning is passed on", "PQ", "aPz", "aPz", false },
	{ "a byte that breaks off does not begin anew", "PQ", "PPQ", "PPQ", false },
	{ "a third press does", "PQ", "PPPQ", "PP", true },
	{ "a single key", "q", "abqc", "ab", true },
	{ "a long sequence", "abcd", "xabcabcd", "xabcabcd", false },
	{ "a long sequence after a whole miss", "abcd", "xabcxabcd", "xabcx", true },
};

static int failures;

static void test(const struct detach_case *detach_case, size_t chunk)
{
	struct detach detach = { .count = (uint8_t)strlen(detach_case->keys) };
	struct buffer passed = { 0 };
	size_t length = strlen(detach_case->input);
	size_t expected = strlen(detach_case->passed);
	bool detached = false;

	memcpy(detach.keys, detach_case->keys, detach.count);
	for (size_t at = 0; at < length && !detached; at += chunk) {
		size_t rest = length - at;

		detached = detach_filter(&detach, (const uint8_t *)detach_case->input + at, rest < chunk ? rest : chunk, &passed);
	}
	if (detached != detach_case->detached || buffer_length(&passed) != expected ||
	    (expected && memcmp(buffer_head(&passed), detach_case->passed, expected) != 0)) {
		printf("FAIL %s, in pieces of %zu\n", detach_case->what, chunk);
		failures++;
	}
	buffer_release(&passed);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t chunk = 1; chunk <= 4; chunk++)
			test(&cases[i], chunk);
	return failures != 0;
}
