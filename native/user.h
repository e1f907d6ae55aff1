/* Users and groups from a container's own files, without NSS: the image is not trusted to name libraries. */
#ifndef SAMPAN_USER_H
#define SAMPAN_USER_H

#include "plan.h"

/* /etc/passwd and /etc/group as read; empty where there is no such file. */
struct user_files {
	const char *passwd;
	size_t passwd_size;
	const char *group;
	size_t group_size;
};

/*
 * Resolves "user[:group]" ("" for root) and further groups. Names and numbers are found as Docker finds them, and errors have its
 * words. Fills `user` (freed by run_dispose), with the primary group as the first of its groups.
 */
int resolve_user(const struct user_files *files, const char *specification, struct texts extra_groups,
        struct resolved_user *user, struct failure *failure);

#endif
