/* Names, records and the table of files with several names of tree sessions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "tree-links.h"
#include "tree-writing.h"

static struct span span_of(const char *text)
{
	return (struct span){(const uint8_t *)text, strlen(text)};
}

static bool joins(const char *base, const char *name, const char *expected)
{
	char path[PATH_MAX];
	return join_name(base, span_of(name), path) == 0 && strcmp(path, expected) == 0;
}

static int refused(const char *base, const char *name)
{
	char path[PATH_MAX];
	return join_name(base, span_of(name), path) == 0 ? 0 : errno;
}

static void test_names(void)
{
	char longest[NAME_MAX + 2], deep[PATH_MAX + 2];
	CHECK(joins("/", "a", "/a"));
	CHECK(joins("/", "", "/"));
	CHECK(joins("/", "./", "/"));
	CHECK(joins("/x", ".", "/x"));
	CHECK(joins("/x", "//a/./b//", "/x/a/b"));
	CHECK(joins("/x", "a/../b", "/x/b"));
	CHECK(joins("/x", "a/..", "/x"));
	CHECK(joins("/x", "...", "/x/..."));
	CHECK(refused("/x", "..") == EINVAL);
	CHECK(refused("/x", "a/../../x") == EINVAL);
	CHECK(refused("/", "..") == EINVAL);

	memset(longest, 'n', sizeof longest);
	longest[NAME_MAX + 1] = 0;
	CHECK(refused("/", longest) == ENAMETOOLONG);
	longest[NAME_MAX] = 0;
	CHECK(refused("/", longest) == 0);

	for (size_t i = 0; i < sizeof deep; i += 2) memcpy(deep + i, "a/", 2);
	deep[PATH_MAX + 1] = 0;
	CHECK(refused("/", deep) == ENAMETOOLONG);
	/* The slash in front and the NUL take two of PATH_MAX bytes. */
	deep[PATH_MAX - 3] = 0;
	CHECK(refused("/", deep) == 0);
}

static size_t encode(const struct record *record, uint8_t *bytes)
{
	record_encode(record, bytes);
	return record_size(record);
}

/* In memory of just this size, so that a sanitizer sees a byte too far. */
static int decode(const uint8_t *bytes, size_t size, struct record *record)
{
	uint8_t *copy = malloc(size ? size : 1);
	memcpy(copy, bytes, size);
	struct span rest = {copy, size};
	int result = record_decode(record, &rest);
	free(copy);
	return result;
}

static void test_records(void)
{
	uint8_t bytes[512], attribute[XATTR_HEADER + 6];
	struct record decoded;
	xattr_encode(attribute, 4, 2);
	memcpy(attribute + XATTR_HEADER, "user\1\2", 6);
	struct record record = {.kind = RECORD_FILE,
	        .mode = 04755,
	        .uid = 1,
	        .gid = 0xfffffffe,
	        .seconds = -5,
	        .nanoseconds = 999999999,
	        .size = 1ull << 40,
	        .name = span_of("name"),
	        .link = span_of("target"),
	        .xattrs = {attribute, sizeof attribute}};
	size_t size = encode(&record, bytes);
	CHECK(size == RECORD_HEADER + 4 + 6 + sizeof attribute);
	struct span rest = {bytes, size};
	CHECK(record_decode(&decoded, &rest) == 0 && rest.size == 0);
	CHECK(decoded.kind == RECORD_FILE && decoded.mode == 04755 && decoded.gid == 0xfffffffe);
	CHECK(decoded.seconds == -5 && decoded.nanoseconds == 999999999 && decoded.size == 1ull << 40);
	CHECK(decoded.name.size == 4 && memcmp(decoded.name.data, "name", 4) == 0);
	CHECK(decoded.link.size == 6 && memcmp(decoded.link.data, "target", 6) == 0);
	struct xattr xattr;
	CHECK(xattr_next(&xattr, &decoded.xattrs) && xattr.name.size == 4 && xattr.value.data[1] == 2);
	CHECK(!xattr_next(&xattr, &decoded.xattrs));

	for (size_t cut = 0; cut < size; cut++) CHECK(decode(bytes, cut, &decoded) != 0);
	/* A value that reaches over the end of its record. */
	bytes[RECORD_HEADER + 10 + 4]++;
	CHECK(decode(bytes, size, &decoded) != 0);

	record = (struct record){.kind = RECORD_BLOCK, .major = 7, .minor = 0xfffff, .name = span_of("d")};
	size = encode(&record, bytes);
	CHECK(decode(bytes, size, &decoded) == 0 && decoded.major == 7 && decoded.minor == 0xfffff);
	CHECK(decoded.size == 0);
	bytes[0] = RECORD_SOCKET + 1;
	CHECK(decode(bytes, size, &decoded) != 0);
}

static void test_requests(void)
{
	const uint8_t whole[] = {3, 2, 2, 0, '/', 'a', 5, 'u', 's', 'e', 'r', '.', 0};
	struct request request;
	CHECK(request_decode(&request, whole, sizeof whole) == 0);
	CHECK(request.flags == 3 && request.path.size == 2 && request.prefix_count == 2);
	CHECK(request.prefixes[0].size == 5 && request.prefixes[1].size == 0);
	for (size_t cut = 0; cut < sizeof whole; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		memcpy(copy, whole, cut);
		CHECK(request_decode(&request, copy, cut) != 0);
		free(copy);
	}
	CHECK(request_decode(&request, (const uint8_t[]){0, 0, 0, 0, 9}, 5) != 0);
	CHECK(request_decode(&request, (const uint8_t[]){0, TREE_PREFIXES_MAX + 1, 0, 0}, 4) != 0);
}

static void test_links(void)
{
	struct links links = {0};
	char name[32];
	const char *first;
	struct statx status = {.stx_nlink = 1, .stx_ino = 1};
	CHECK(links_look(&links, &status, "only", &first) == 0 && !first && links.count == 0);
	status.stx_nlink = 2;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned ino = 0; ino < 10000; ino++) {
			status.stx_ino = ino / 2;
			status.stx_dev_minor = ino % 2;
			snprintf(name, sizeof name, "%u", ino);
			CHECK(links_look(&links, &status, round ? "again" : name, &first) == 0);
			CHECK(round ? first && strcmp(first, name) == 0 : !first);
		}
	}
	CHECK(links.count == 10000);
	links_release(&links);
}

int main(void)
{
	test_names();
	test_records();
	test_requests();
	test_links();
	return 0;
}
