/*
 * Gzip for rotated logs: one deflate block with the fixed Huffman codes (RFC 1951, 3.2.6) and greedy matches. A log is
 * repetitive enough for this to shrink it to a fraction; a dynamic code would gain little for three times the program.
 */
#include "gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	WINDOW = 32 << 10,
	MATCH_MIN = 4,
	MATCH_MAX = 258,
	HASH_BITS = 15,
	OUT_SIZE = 64 << 10,
	END_OF_BLOCK = 256,
};

static const uint16_t length_base[] = { 3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
					31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258 };
static const uint8_t length_extra[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
static const uint16_t distance_base[] = { 1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
					  193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577 };

struct writer {
	int fd;
	bool failed;
	uint64_t bits;
	unsigned bit_count;
	size_t used;
	uint8_t out[OUT_SIZE];
};

static void flush_out(struct writer *writer)
{
	size_t done = 0;

	while (done < writer->used && !writer->failed) {
		ssize_t count = write(writer->fd, writer->out + done, writer->used - done);

		if (count > 0)
			done += (size_t)count;
		else if (errno != EINTR)
			writer->failed = true;
	}
	writer->used = 0;
}

static void put_byte(struct writer *writer, uint8_t byte)
{
	if (writer->used == OUT_SIZE)
		flush_out(writer);
	writer->out[writer->used++] = byte;
}

/* Least significant bit first. */
static void put_bits(struct writer *writer, uint32_t value, unsigned count)
{
	writer->bits |= (uint64_t)value << writer->bit_count;
	writer->bit_count += count;
	while (writer->bit_count >= 8) {
		put_byte(writer, (uint8_t)writer->bits);
		writer->bits >>= 8;
		writer->bit_count -= 8;
	}
}

/* Huffman codes go most significant bit first. */
static void put_code(struct writer *writer, uint32_t code, unsigned count)
{
	uint32_t reversed = 0;

	for (unsigned i = 0; i < count; i++)
		reversed |= ((code >> i) & 1) << (count - 1 - i);
	put_bits(writer, reversed, count);
}

static void put_symbol(struct writer *writer, unsigned symbol)
{
	if (symbol < 144)
		put_code(writer, 0x30 + symbol, 8);
	else if (symbol < 256)
		put_code(writer, 0x190 + symbol - 144, 9);
	else if (symbol < 280)
		put_code(writer, symbol - 256, 7);
	else
		put_code(writer, 0xc0 + symbol - 280, 8);
}

static void put_match(struct writer *writer, unsigned length, unsigned distance)
{
	unsigned l = 28;
	unsigned d = 29;

	while (length_base[l] > length)
		l--;
	put_symbol(writer, 257 + l);
	put_bits(writer, length - length_base[l], length_extra[l]);
	while (distance_base[d] > distance)
		d--;
	put_code(writer, d, 5);
	put_bits(writer, distance - distance_base[d], d < 4 ? 0 : d / 2 - 1);
}

static uint32_t hash_of(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return (word * 2654435761u) >> (32 - HASH_BITS);
}

static unsigned match_length(const uint8_t *a, const uint8_t *b, size_t limit)
{
	unsigned length = 0;

	if (limit > MATCH_MAX)
		limit = MATCH_MAX;
	while (length < limit && a[length] == b[length])
		length++;
	return length;
}

static void deflate(struct writer *writer, const uint8_t *in, size_t size)
{
	/* Where each hash was seen last, plus one. */
	size_t *seen = calloc((size_t)1 << HASH_BITS, sizeof(*seen));
	size_t i = 0;

	put_bits(writer, 1, 1); /* the last block */
	put_bits(writer, 1, 2); /* of fixed codes */
	while (i < size) {
		unsigned length = 0;
		size_t previous = 0;

		if (seen && size - i >= MATCH_MIN) {
			size_t *slot = &seen[hash_of(in + i)];

			previous = *slot;
			*slot = i + 1;
			if (previous && i + 1 - previous <= WINDOW)
				length = match_length(in + previous - 1, in + i, size - i);
		}
		if (length >= MATCH_MIN) {
			put_match(writer, length, (unsigned)(i + 1 - previous));
			i += length;
		} else {
			put_symbol(writer, in[i++]);
		}
	}
	put_symbol(writer, END_OF_BLOCK);
	put_bits(writer, 0, (8 - writer->bit_count) & 7);
	free(seen);
}

static uint32_t crc32_of(const uint8_t *bytes, size_t size)
{
	uint32_t table[256];
	uint32_t crc = ~0u;

	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] & 1 ? 0xedb88320u ^ (table[i] >> 1) : table[i] >> 1;
	}
	for (size_t i = 0; i < size; i++)
		crc = table[(crc ^ bytes[i]) & 255] ^ (crc >> 8);
	return ~crc;
}

static void put_u32(struct writer *writer, uint32_t value)
{
	for (int shift = 0; shift < 32; shift += 8)
		put_byte(writer, (uint8_t)(value >> shift));
}

static int write_gzip(int fd, const uint8_t *bytes, size_t size)
{
	static const uint8_t header[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
	struct writer *writer = calloc(1, sizeof(*writer));
	bool failed;

	if (!writer)
		return -1;
	writer->fd = fd;
	for (size_t i = 0; i < sizeof(header); i++)
		put_byte(writer, header[i]);
	deflate(writer, bytes, size);
	put_u32(writer, crc32_of(bytes, size));
	put_u32(writer, (uint32_t)size);
	flush_out(writer);
	failed = writer->failed;
	free(writer);
	return failed ? -1 : 0;
}

static int pack(const char *plain, const char *temporary)
{
	struct stat status;
	uint8_t *bytes = NULL;
	int result = -1;
	int in = open(plain, O_RDONLY | O_CLOEXEC);
	int out = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

	if (in >= 0 && out >= 0 && fstat(in, &status) == 0) {
		size_t size = (size_t)status.st_size;

		if (size)
			bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, in, 0);
		if (bytes != MAP_FAILED) {
			result = write_gzip(out, bytes, size);
			if (bytes)
				munmap(bytes, size);
		}
	}
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return result;
}

int gzip_replace(const char *plain, const char *packed)
{
	char temporary[4096];

	/* A reader never finds half a file under the final name. */
	snprintf(temporary, sizeof(temporary), "%s.tmp", packed);
	if (pack(plain, temporary) < 0 || rename(temporary, packed) < 0) {
		unlink(temporary);
		return -1;
	}
	return unlink(plain);
}
