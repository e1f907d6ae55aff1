#include "detach.h"

bool detach_filter(struct detach *detach, const uint8_t *bytes, size_t count, struct buffer *passed)
{
	if (detach->count == 0) {
		buffer_append(passed, bytes, count);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == detach->keys[detach->typed]) {
			if (++detach->typed == detach->count)
				return true;
			continue;
		}
		buffer_append(passed, detach->keys, detach->typed);
		buffer_append(passed, bytes + i, 1);
		detach->typed = 0;
	}
	return false;
}
