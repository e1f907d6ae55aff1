/* Extended attributes of what is in a tree. Its names in /proc/self/fd make them reachable through descriptors that cannot read. */
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

static bool is_wanted(const char *name, const struct request *request)
{
	size_t size = strlen(name);
	for (size_t i = 0; i < request->prefix_count; i++) {
		struct span prefix = request->prefixes[i];
		if (size >= prefix.size && memcmp(name, prefix.data, prefix.size) == 0) return true;
	}
	return false;
}

/* Through the descriptor where it can read, which is faster, else through its name. */
static ssize_t list(const struct opened *object, char *names, size_t size)
{
	char name[OPENED_NAME];
	return object->readable >= 0 ? flistxattr(object->readable, names, size)
	                             : listxattr(opened_name(name, object->fd), names, size);
}

static ssize_t get(const struct opened *object, const char *key, uint8_t *value, size_t size)
{
	char name[OPENED_NAME];
	return object->readable >= 0 ? fgetxattr(object->readable, key, value, size)
	                             : getxattr(opened_name(name, object->fd), key, value, size);
}

/* Appends one attribute; one that has gone meanwhile is none. */
static int append(const struct opened *object, const char *name, uint8_t *bytes, size_t *size)
{
	size_t name_size = strlen(name), used = *size + XATTR_HEADER + name_size;
	if (used > TREE_XATTRS_MAX) {
		errno = E2BIG;
		return -1;
	}
	ssize_t value_size = get(object, name, bytes + used, TREE_XATTRS_MAX - used);
	if (value_size < 0 && (errno == ENODATA || errno == EOPNOTSUPP)) return 0;
	if (value_size < 0 && errno == ERANGE) errno = E2BIG;
	if (value_size < 0) return -1;
	xattr_encode(bytes + *size, name_size, (size_t)value_size);
	memcpy(bytes + *size + XATTR_HEADER, name, name_size);
	*size = used + (size_t)value_size;
	return 0;
}

int xattrs_read(const struct opened *object, const struct request *request, uint8_t *bytes, size_t *size)
{
	/* One more than the longest list that there is. */
	static char names[XATTR_LIST_MAX + 1];
	*size = 0;
	if (request->prefix_count == 0) return 0;
	ssize_t listed = list(object, names, XATTR_LIST_MAX);
	if (listed < 0) return errno == EOPNOTSUPP ? 0 : -1;
	for (const char *name = names; name < names + listed; name += strlen(name) + 1) {
		if (is_wanted(name, request) && append(object, name, bytes, size) != 0) return -1;
	}
	return 0;
}

/* Overlay's own marks would change what a tree of layers shows. */
static bool is_reserved(const char *name)
{
	return strncmp(name, "trusted.overlay.", 16) == 0;
}

int xattrs_write(int fd, struct span xattrs)
{
	char opened[OPENED_NAME], name[XATTR_NAME_MAX + 1];
	struct xattr xattr;
	opened_name(opened, fd);
	while (xattr_next(&xattr, &xattrs)) {
		if (xattr.name.size > XATTR_NAME_MAX || memchr(xattr.name.data, 0, xattr.name.size)) {
			errno = EINVAL;
			return -1;
		}
		memcpy(name, xattr.name.data, xattr.name.size);
		name[xattr.name.size] = 0;
		if (is_reserved(name)) continue;
		if (setxattr(opened, name, xattr.value.data, xattr.value.size, 0) == 0) continue;
		if (errno != EOPNOTSUPP && errno != EPERM) return -1;
	}
	return 0;
}
