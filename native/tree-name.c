/* Names that come with what is written into a tree. */
#include <errno.h>
#include <string.h>

#include "tree-writing.h"

static int refuse(int errnum)
{
	errno = errnum;
	return -1;
}

static int add(char path[PATH_MAX], size_t *used, struct span component)
{
	if (component.size > NAME_MAX || *used + component.size + 2 > PATH_MAX) return refuse(ENAMETOOLONG);
	path[(*used)++] = '/';
	memcpy(path + *used, component.data, component.size);
	*used += component.size;
	return 0;
}

static int drop(char path[PATH_MAX], size_t *used, size_t base)
{
	if (*used == base) return refuse(EINVAL);
	while (path[--*used] != '/') continue;
	return 0;
}

int join_name(const char *base, struct span name, char path[PATH_MAX])
{
	size_t base_size = strcmp(base, "/") == 0 ? 0 : strlen(base), used = base_size;
	if (name.size > 0 && memchr(name.data, 0, name.size)) return refuse(EINVAL);
	memcpy(path, base, base_size);
	while (name.size > 0) {
		const uint8_t *slash = memchr(name.data, '/', name.size);
		struct span component = {name.data, slash ? (size_t)(slash - name.data) : name.size};
		size_t skipped = component.size + (slash != NULL);
		name.data += skipped;
		name.size -= skipped;
		int result = 0;
		if (component.size == 2 && memcmp(component.data, "..", 2) == 0) {
			result = drop(path, &used, base_size);
		} else if (component.size > 0 && !(component.size == 1 && component.data[0] == '.')) {
			result = add(path, &used, component);
		}
		if (result != 0) return -1;
	}
	if (used == 0) path[used++] = '/';
	path[used] = 0;
	return 0;
}
