/* sampan-launcher: carries plans out, stays as the supervisor of what it starts, and is the init of containers that want one. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "init.h"
#include "serve.h"

/* In a container the program is mounted under this name. */
static bool called_init(const char *path)
{
	const char *slash = strrchr(path, '/');
	return strcmp(slash ? slash + 1 : path, "docker-init") == 0;
}

int main(int argc, char **argv)
{
	if (argc > 0 && called_init(argv[0])) return init_main(argc, argv);
	if (argc == 3 && strcmp(argv[1], "serve") == 0) return serve(argv[2], argv);
	fputs("usage: sampan-launcher serve SOCKET\n", stderr);
	return 2;
}
