/* Operations that give privileges up: capabilities and the change of user. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"

int op_capabilities(struct run *run, const struct capabilities_step *args, struct failure *failure)
{
	(void)failure;
	struct child_settings *settings = run->settings;
	settings->has_capabilities = true;
	settings->bounding = (uint64_t)args->bounding;
	settings->effective = (uint64_t)args->effective;
	settings->permitted = (uint64_t)args->permitted;
	settings->inheritable = (uint64_t)args->inheritable;
	settings->ambient = (uint64_t)args->ambient;
	return 0;
}

/* Capabilities that the kernel does not know end the numbers with EINVAL. */
static int drop_bounding(uint64_t kept)
{
	for (unsigned long capability = 0; capability < 64; capability++) {
		if (kept & UINT64_C(1) << capability) continue;
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
		if (errno == EINVAL) break;
		return -1;
	}
	return 0;
}

static int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
	        {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
	        {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
	};
	return (int)syscall(SYS_capset, &header, data);
}

static int set_ambient(uint64_t ambient)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return -1;
	for (unsigned long capability = 0; capability < 64; capability++) {
		if (!(ambient & UINT64_C(1) << capability)) continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) return -1;
	}
	return 0;
}

/*
 * What execve will leave to the user anyway: a user other than root keeps the ambient set. Loading a seccomp filter without
 * no_new_privs takes CAP_SYS_ADMIN, and the filter must be the last thing before execve, so that one stays until then; execve
 * computes the new sets from the bounding, inheritable and ambient ones alone, so the program never has it.
 */
static int apply_capabilities(const struct child_settings *settings, uid_t uid)
{
	bool for_filter = settings->filter.filter && !settings->no_new_privileges;
	uint64_t keep = for_filter ? UINT64_C(1) << CAP_SYS_ADMIN : 0;
	uint64_t effective = uid == 0 ? settings->effective : settings->ambient;
	uint64_t permitted = uid == 0 ? settings->permitted : settings->ambient;
	if (set_capabilities(effective | keep, permitted | settings->ambient | keep, settings->inheritable) !=
	        0)
		return -1;
	return set_ambient(settings->ambient);
}

/* The program may reopen its standard streams through /dev/stdout. Only pipes and terminals are its own. */
static int give_streams(uid_t uid)
{
	for (int fd = 0; fd < 3; fd++) {
		struct stat status;
		if (fstat(fd, &status) != 0) return -1;
		bool own = S_ISFIFO(status.st_mode) || isatty(fd);
		if (own && status.st_uid != uid && fchown(fd, uid, (gid_t)-1) != 0 && errno != EPERM &&
		        errno != EINVAL)
			return -1;
	}
	return 0;
}

static int change_user(const struct resolved_user *user)
{
	/* A user namespace may deny setgroups; then there is nothing to give up either. */
	if (setgroups(user->group_count, user->groups) != 0 && !(errno == EPERM && user->group_count == 0))
		return -1;
	if (setresgid(user->gid, user->gid, user->gid) != 0) return -1;
	return setresuid(user->uid, user->uid, user->uid) == 0 ? child_hide() : -1;
}

int op_set_user(struct run *run, const struct set_user_step *args, struct failure *failure)
{
	(void)args;
	const struct child_settings *settings = run->settings;
	const struct resolved_user *user = &run->user;
	if (!user->known) return fail(failure, EINVAL, "", "no user was resolved");
	if (settings->has_capabilities && drop_bounding(settings->bounding) != 0)
		return fail(failure, errno, "", "bounding set");
	if (give_streams(user->uid) != 0) return fail(failure, errno, "", "owner of the standard streams");
	if (settings->has_capabilities && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
		return fail(failure, errno, "", "keepcaps");
	if (change_user(user) != 0) return fail(failure, errno, "", "uid %u gid %u", user->uid, user->gid);
	if (!settings->has_capabilities) return 0;
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) return fail(failure, errno, "", "keepcaps");
	return apply_capabilities(settings, user->uid) == 0 ? 0 : fail(failure, errno, "", "capability sets");
}
