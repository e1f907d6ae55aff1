#include "dns-names.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	MAGIC_SIZE = 4,
	VERSION = 1,
	/* Magic, version, size of the file, number of names, number of addresses. */
	HEADER_SIZE = 24,
	/* Where text and addresses are; length of the text; number of addresses of either kind. */
	NAME_SIZE = 16,
	/* Address, where the text is, its length. */
	ADDRESS_SIZE = 24,
};

static const char magic[MAGIC_SIZE] = { 'S', 'M', 'P', 'D' };

static uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint32_t get16(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t name_count(const struct dns_names *names)
{
	return get32(names->bytes + 12);
}

static uint32_t address_count(const struct dns_names *names)
{
	return get32(names->bytes + 16);
}

/* The tables fit; what their entries point to is checked when it is used. */
static bool is_well_formed(const uint8_t *bytes, size_t size)
{
	uint64_t tables;

	if (memcmp(bytes, magic, MAGIC_SIZE) != 0 || get32(bytes + 4) != VERSION || get32(bytes + 8) != size)
		return false;
	tables = (uint64_t)get32(bytes + 12) * NAME_SIZE + (uint64_t)get32(bytes + 16) * ADDRESS_SIZE;
	return HEADER_SIZE + tables <= size;
}

static void unmap(struct dns_names *names)
{
	if (names->bytes)
		munmap((void *)(uintptr_t)names->bytes, names->size);
	names->bytes = NULL;
	names->size = 0;
}

static void map(struct dns_names *names, int fd, size_t size)
{
	void *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	if (bytes == MAP_FAILED)
		return;
	if (is_well_formed(bytes, size)) {
		names->bytes = bytes;
		names->size = size;
	} else {
		munmap(bytes, size);
	}
}

void dns_names_close(struct dns_names *names)
{
	unmap(names);
	names->seen = (struct stat){ 0 };
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_size == b->st_size;
}

void dns_names_refresh(struct dns_names *names)
{
	struct stat now;
	int fd;

	/* A network that has gone has no names. */
	if (stat(names->path, &now) < 0) {
		dns_names_close(names);
		return;
	}
	if (is_same_file(&now, &names->seen))
		return;
	unmap(names);
	fd = open(names->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &now) < 0)
		now = (struct stat){ 0 };
	names->seen = now;
	if (S_ISREG(now.st_mode) && now.st_size >= HEADER_SIZE && now.st_size <= DNS_NAMES_MAX)
		map(names, fd, (size_t)now.st_size);
	if (fd >= 0)
		close(fd);
}

/* The text at an offset; NULL if it is not within the file. */
static const char *text_at(const struct dns_names *names, uint32_t offset, size_t length)
{
	return offset <= names->size && length <= names->size - offset ? (const char *)names->bytes + offset : NULL;
}

static int compare(const struct dns_names *names, const uint8_t *entry, const char *name, size_t length)
{
	size_t other = get16(entry + 8);
	const char *text = text_at(names, get32(entry), other);
	int order = text ? memcmp(text, name, other < length ? other : length) : -1;

	return order ? order : (other > length) - (other < length);
}

static bool take_addresses(const struct dns_names *names, const uint8_t *entry, struct dns_addresses *found)
{
	size_t offset = get32(entry + 4);
	size_t ipv4 = get16(entry + 10);
	size_t ipv6 = get16(entry + 12);

	if (offset > names->size || ipv4 * 4 + ipv6 * 16 > names->size - offset)
		return false;
	*found = (struct dns_addresses){ names->bytes + offset, { ipv4, ipv6 } };
	return true;
}

bool dns_names_find(const struct dns_names *names, const char *name, size_t length, struct dns_addresses *found)
{
	uint32_t low = 0;
	uint32_t high = names->bytes ? name_count(names) : 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const uint8_t *entry = names->bytes + HEADER_SIZE + (size_t)middle * NAME_SIZE;
		int order = compare(names, entry, name, length);

		if (order == 0)
			return take_addresses(names, entry, found);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

const char *dns_names_reverse(const struct dns_names *names, const uint8_t address[16], size_t *length)
{
	uint32_t low = 0;
	uint32_t high = names->bytes ? address_count(names) : 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const uint8_t *table = names->bytes + HEADER_SIZE + (size_t)name_count(names) * NAME_SIZE;
		const uint8_t *entry = table + (size_t)middle * ADDRESS_SIZE;
		int order = memcmp(entry, address, 16);

		if (order == 0) {
			*length = get16(entry + 20);
			return text_at(names, get32(entry + 16), *length);
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
