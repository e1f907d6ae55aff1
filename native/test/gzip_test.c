/* What gzip_replace writes, gzip(1) reads. */
#include "gzip.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int failures;
static char directory[] = "/tmp/sampan-gzip-XXXXXX";

static void test(const char *what, const char *generator)
{
	char command[512];

	snprintf(command, sizeof(command), "cd %s && (%s) > plain && cp plain kept", directory, generator);
	if (system(command) != 0)
		abort();
	snprintf(command, sizeof(command), "%s/plain", directory);
	char packed[64];
	snprintf(packed, sizeof(packed), "%s/packed.gz", directory);
	bool replaced = gzip_replace(command, packed) == 0;
	snprintf(command, sizeof(command), "cd %s && gzip -t packed.gz && gzip -dc packed.gz | cmp - kept && test ! -e plain", directory);
	if (!replaced || system(command) != 0) {
		printf("FAIL %s\n", what);
		failures++;
	}
	unlink(packed);
}

int main(void)
{
	char kept[64];

	if (!mkdtemp(directory))
		return 1;
	test("an empty file", "true");
	test("one byte", "printf x");
	test("a long run", "head -c 300000 /dev/zero");
	test("repeating lines", "seq 1 50000");
	test("matches as far back as they may be", "head -c 32768 /dev/urandom > r; cat r r r; rm r");
	test("noise", "head -c 200000 /dev/urandom");
	snprintf(kept, sizeof(kept), "%s/kept", directory);
	unlink(kept);
	if (rmdir(directory) != 0)
		failures++;
	return failures != 0;
}
