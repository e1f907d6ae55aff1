/* Users and groups: what Docker resolves is resolved, with its words where it fails. */
#include "user.h"

#include <string.h>

#include "check.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "\n"
                             "daemon:x:1:1::/usr/sbin:\n"
                             "broken\n"
                             "web:x:33:34:Web:/srv:/bin/false\n"
                             "1000:x:77:77::/odd:\n"
                             "far:x:4294967296:1::/:\n"
                             "homeless:x:5:5\n"
                             "last:x:99:99::/last:/bin/sh";
static const char group[] = "root:x:0:\n"
                            "bin:x:1:root,daemon\n"
                            "www:x:34:\n"
                            "log:x:4:syslog,web\n"
                            "adm:x:5:web,root\n"
                            "huge:x:99999999999:web2\n";

static const struct user_files files = {passwd, sizeof passwd - 1, group, sizeof group - 1};
static const struct user_files no_files = {0};
static const char *no_texts[] = {NULL};
static const struct texts nothing = {no_texts, 0};

static struct resolved_user user;

static void dispose(void)
{
	free(user.groups);
	free(user.home);
	user = (struct resolved_user){0};
}

static void resolves(const struct user_files *from, const char *specification, struct texts extra,
        uint32_t uid, uint32_t gid, const char *groups)
{
	struct failure failure = {0};
	char text[256] = "";
	CHECK(resolve_user(from, specification, extra, &user, &failure) == 0);
	for (size_t i = 0; i < user.group_count; i++) {
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%u", i ? "," : "",
		        user.groups[i]);
	}
	CHECK(user.known && user.uid == uid && user.gid == gid && strcmp(text, groups) == 0);
}

static void refuses(const char *specification, struct texts extra, const char *words)
{
	struct failure failure = {0};
	CHECK(resolve_user(&files, specification, extra, &user, &failure) == -1);
	CHECK(failure.errnum == 0 && strcmp(failure.detail, words) == 0);
	dispose();
}

static void resolves_names_and_numbers(void)
{
	resolves(&files, "", nothing, 0, 0, "0,1,5");
	CHECK(strcmp(user.home, "/root") == 0);
	dispose();
	resolves(&files, "web", nothing, 33, 34, "34,4,5");
	CHECK(strcmp(user.home, "/srv") == 0);
	dispose();
	resolves(&files, "33", nothing, 33, 34, "34,4,5");
	dispose();
	resolves(&files, "last", nothing, 99, 99, "99");
	dispose();
	/* A number is an id even where a user is named so. */
	resolves(&files, "1000", nothing, 1000, 0, "0");
	CHECK(!user.home);
	dispose();
	resolves(&files, "homeless", nothing, 5, 5, "5");
	CHECK(strcmp(user.home, "/") == 0);
	dispose();
}

static void resolves_groups(void)
{
	static const char *names[] = {"adm", "1234", "adm", NULL};
	resolves(&files, "web:log", nothing, 33, 4, "4");
	dispose();
	resolves(&files, "web:", nothing, 33, 34, "34,4,5");
	dispose();
	resolves(&files, "7:8", nothing, 7, 8, "8");
	dispose();
	resolves(&files, "last", (struct texts){names, 3}, 99, 99, "99,5,1234");
	dispose();
}

static void works_without_files(void)
{
	resolves(&no_files, "", nothing, 0, 0, "0");
	dispose();
	resolves(&no_files, "2147483647:2147483647", nothing, 2147483647, 2147483647, "2147483647");
	dispose();
}

static void refuses_in_dockers_words(void)
{
	static const char *names[] = {"staff", NULL};
	refuses("nobody", nothing, "unable to find user nobody: no matching entries in passwd file");
	refuses("web:staff", nothing, "unable to find group staff: no matching entries in group file");
	refuses("web", (struct texts){names, 1},
	        "unable to find group staff: no matching entries in group file");
	refuses("-1", nothing, "uids and gids must be in range 0-2147483647");
	refuses("2147483648", nothing, "uids and gids must be in range 0-2147483647");
	refuses("0:4294967295", nothing, "uids and gids must be in range 0-2147483647");
	refuses("far", nothing, "uids and gids must be in range 0-2147483647");
	refuses("99999999999999999999", nothing,
	        "unable to find user 99999999999999999999: no matching entries in passwd file");
	refuses("broken", nothing, "unable to find user broken: no matching entries in passwd file");
}

/* Random bytes as files, from a fixed seed: any answer will do but a crash. */
static void survives_noise(void)
{
	static const char alphabet[] = "web:0123456789,\n:\n x";
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		size_t size = (size_t)random() % 64;
		char *text = malloc(size + 1);
		CHECK(text);
		for (size_t i = 0; i < size; i++)
			text[i] = random() % 8 ? alphabet[(size_t)random() % (sizeof alphabet - 1)]
			                       : (char)random();
		struct user_files noise = {text, size, text, size};
		struct failure failure;
		resolve_user(&noise, round % 2 ? "web" : "0:web", nothing, &user, &failure);
		dispose();
		free(text);
	}
}

int main(void)
{
	resolves_names_and_numbers();
	resolves_groups();
	works_without_files();
	refuses_in_dockers_words();
	survives_noise();
	return 0;
}
