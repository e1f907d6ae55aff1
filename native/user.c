/* Resolving users and groups; see user.h. */
#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "path.h"

enum {
	FILE_MAX = 4 << 20,
	GROUPS_MAX = 65536, /* the kernel's NGROUPS_MAX */
	FIELDS = 7,
};

static const int64_t ID_MAX = INT32_MAX;

/* A part of a file, not NUL-terminated. */
struct field {
	const char *data;
	size_t size;
};

static bool equals(struct field field, const char *text, size_t size)
{
	return field.size == size && memcmp(field.data, text, size) == 0;
}

/* A whole decimal number with an optional sign; false for anything else and what does not fit in 64 bits. */
static bool parse_number(struct field field, int64_t *number)
{
	uint64_t value = 0;
	size_t start = field.size > 0 && (field.data[0] == '-' || field.data[0] == '+') ? 1 : 0;
	if (field.size == start) return false;
	for (size_t i = start; i < field.size; i++) {
		unsigned digit = (unsigned)((unsigned char)field.data[i] - '0');
		if (digit > 9 || value > ((uint64_t)INT64_MAX - digit) / 10) return false;
		value = value * 10 + digit;
	}
	*number = field.data[0] == '-' ? -(int64_t)value : (int64_t)value;
	return true;
}

/* Cuts the next line of colon-separated fields; what is missing is empty. False at the end. */
static bool next_line(struct field *rest, struct field fields[FIELDS])
{
	while (rest->size > 0) {
		const char *end = memchr(rest->data, '\n', rest->size);
		size_t size = end ? (size_t)(end - rest->data) : rest->size;
		struct field line = {rest->data, size};
		rest->data += end ? size + 1 : size;
		rest->size -= end ? size + 1 : size;
		while (line.size > 0 && strchr(" \t\r", line.data[line.size - 1])) line.size--;
		if (line.size == 0) continue;
		for (int i = 0; i < FIELDS; i++) {
			const char *colon = memchr(line.data, ':', line.size);
			fields[i] =
			        (struct field){line.data, colon ? (size_t)(colon - line.data) : line.size};
			size_t used = colon ? fields[i].size + 1 : line.size;
			line.data += used;
			line.size -= used;
		}
		return true;
	}
	return false;
}

/* What a name or number in a specification stands for. */
struct wanted {
	const char *text;
	size_t size;
	bool numeric;
	int64_t number;
};

static struct wanted parse_wanted(const char *text, size_t size)
{
	struct wanted wanted = {.text = text, .size = size};
	wanted.numeric = parse_number((struct field){text, size}, &wanted.number);
	return wanted;
}

/* A number is always an id, even where a user has that name. */
static bool matches(const struct wanted *wanted, struct field name, int64_t id)
{
	return wanted->numeric ? wanted->number == id : equals(name, wanted->text, wanted->size);
}

static bool id_in_range(int64_t id)
{
	return id >= 0 && id <= ID_MAX;
}

static int fail_range(const char *specification, struct failure *failure)
{
	return fail(failure, 0, specification, "uids and gids must be in range 0-2147483647");
}

/* --- groups ----------------------------------------------------------------------------------------------------------------- */

static int add_group(
        struct resolved_user *user, int64_t gid, const char *specification, struct failure *failure)
{
	if (!id_in_range(gid)) return fail_range(specification, failure);
	for (size_t i = 0; i < user->group_count; i++) {
		if (user->groups[i] == (uint32_t)gid) return 0;
	}
	if (user->group_count >= GROUPS_MAX)
		return fail(failure, 0, specification, "more than %d groups", GROUPS_MAX);
	/* Room doubles at each power of two. */
	if ((user->group_count & (user->group_count - 1)) == 0) {
		size_t room = user->group_count ? user->group_count * 2 : 1;
		uint32_t *grown = realloc(user->groups, room * sizeof *grown);
		if (!grown) return fail(failure, ENOMEM, specification, NULL);
		user->groups = grown;
	}
	user->groups[user->group_count++] = (uint32_t)gid;
	return 0;
}

static bool lists_member(struct field members, struct field name)
{
	while (members.size > 0) {
		const char *comma = memchr(members.data, ',', members.size);
		size_t size = comma ? (size_t)(comma - members.data) : members.size;
		if (equals(name, members.data, size)) return true;
		members.data += comma ? size + 1 : size;
		members.size -= comma ? size + 1 : size;
	}
	return false;
}

static int add_memberships(const struct user_files *files, struct field name, struct resolved_user *user,
        const char *specification, struct failure *failure)
{
	struct field rest = {files->group, files->group_size};
	struct field fields[FIELDS];
	int64_t gid;
	while (name.size > 0 && next_line(&rest, fields)) {
		if (!parse_number(fields[2], &gid) || !lists_member(fields[3], name)) continue;
		if (add_group(user, gid, specification, failure) != 0) return -1;
	}
	return 0;
}

static int find_group(const struct user_files *files, const struct wanted *wanted, int64_t *gid,
        const char *specification, struct failure *failure)
{
	struct field rest = {files->group, files->group_size};
	struct field fields[FIELDS];
	while (next_line(&rest, fields)) {
		if (!parse_number(fields[2], gid) || !matches(wanted, fields[0], *gid)) continue;
		return id_in_range(*gid) ? 0 : fail_range(specification, failure);
	}
	if (!wanted->numeric) {
		return fail(failure, 0, specification,
		        "unable to find group %.*s: no matching entries in group file", (int)wanted->size,
		        wanted->text);
	}
	*gid = wanted->number;
	return id_in_range(*gid) ? 0 : fail_range(specification, failure);
}

/* --- users ------------------------------------------------------------------------------------------------------------------ */

static int keep_home(struct resolved_user *user, struct field home)
{
	user->home = home.size > 0 ? strndup(home.data, home.size) : strdup("/");
	return user->home ? 0 : -1;
}

/* `name` is left empty for a number that no line has. */
static int find_user(const struct user_files *files, const struct wanted *wanted, struct resolved_user *user,
        struct field *name, const char *specification, struct failure *failure)
{
	struct field rest = {files->passwd, files->passwd_size};
	struct field fields[FIELDS];
	int64_t uid, gid;
	*name = (struct field){0};
	while (next_line(&rest, fields)) {
		if (!parse_number(fields[2], &uid) || !parse_number(fields[3], &gid) ||
		        !matches(wanted, fields[0], uid))
			continue;
		if (!id_in_range(uid) || !id_in_range(gid)) return fail_range(specification, failure);
		user->uid = (uint32_t)uid;
		user->gid = (uint32_t)gid;
		*name = fields[0];
		return keep_home(user, fields[5]) == 0 ? 0 : fail(failure, ENOMEM, specification, NULL);
	}
	if (!wanted->numeric) {
		return fail(failure, 0, specification,
		        "unable to find user %.*s: no matching entries in passwd file", (int)wanted->size,
		        wanted->text);
	}
	if (!id_in_range(wanted->number)) return fail_range(specification, failure);
	user->uid = (uint32_t)wanted->number;
	user->gid = 0;
	return 0;
}

int resolve_user(const struct user_files *files, const char *specification, struct texts extra_groups,
        struct resolved_user *user, struct failure *failure)
{
	const char *colon = strchr(specification, ':');
	size_t user_size = colon ? (size_t)(colon - specification) : strlen(specification);
	struct wanted wanted = user_size > 0 ? parse_wanted(specification, user_size) : parse_wanted("0", 1);
	struct field name;
	int64_t gid;
	if (find_user(files, &wanted, user, &name, specification, failure) != 0) return -1;

	bool with_group = colon && colon[1];
	if (with_group) {
		wanted = parse_wanted(colon + 1, strlen(colon + 1));
		if (find_group(files, &wanted, &gid, specification, failure) != 0) return -1;
		user->gid = (uint32_t)gid;
	}
	/* The primary group is among the supplementary ones, so that a negative group permission holds (CVE-2022-36109). */
	if (add_group(user, user->gid, specification, failure) != 0) return -1;
	if (!with_group && add_memberships(files, name, user, specification, failure) != 0) return -1;
	for (size_t i = 0; i < extra_groups.count; i++) {
		wanted = parse_wanted(extra_groups.items[i], strlen(extra_groups.items[i]));
		if (find_group(files, &wanted, &gid, extra_groups.items[i], failure) != 0) return -1;
		if (add_group(user, gid, extra_groups.items[i], failure) != 0) return -1;
	}
	user->known = true;
	return 0;
}

/* --- the operation ---------------------------------------------------------------------------------------------------------- */

/* The whole file, or nothing where it is missing. It must be a regular file: a fifo or device would block or never end. */
static int read_database(int root, const char *path, char **data, size_t *size, struct failure *failure)
{
	autoclose fd = open_inside(root, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, 0);
	struct stat status;
	*size = 0;
	if (fd < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : fail(failure, errno, path, NULL);
	if (fstat(fd, &status) != 0) return fail(failure, errno, path, NULL);
	if (!S_ISREG(status.st_mode)) return fail(failure, 0, path, "it is no regular file");
	if (status.st_size > FILE_MAX) return fail(failure, EFBIG, path, NULL);
	*data = malloc((size_t)status.st_size + 1);
	if (!*data) return fail(failure, ENOMEM, path, NULL);
	while (*size < (size_t)status.st_size) {
		ssize_t count = read(fd, *data + *size, (size_t)status.st_size - *size);
		if (count < 0 && errno == EINTR) continue;
		if (count < 0) return fail(failure, errno, path, NULL);
		if (count == 0) break;
		*size += (size_t)count;
	}
	return 0;
}

int op_resolve_user(struct run *run, const struct resolve_user_step *args, struct failure *failure)
{
	autofree char *passwd = NULL;
	autofree char *group = NULL;
	struct user_files files = {0};
	autoclose root = root_open(run, args->root, failure);
	if (root < 0) return -1;
	if (read_database(root, "/etc/passwd", &passwd, &files.passwd_size, failure) != 0) return -1;
	if (read_database(root, "/etc/group", &group, &files.group_size, failure) != 0) return -1;
	files.passwd = passwd;
	files.group = group;
	free(run->user.groups);
	free(run->user.home);
	run->user = (struct resolved_user){0};
	return resolve_user(&files, args->user.data, args->extra_groups, &run->user, failure);
}
