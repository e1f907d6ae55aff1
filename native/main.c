/* sampan-launcher: carries plans out, and stays as the supervisor of what it starts. */
#include <stdio.h>
#include <string.h>

#include "serve.h"

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0) return serve(argv[2], argv);
	fputs("usage: sampan-launcher serve SOCKET\n", stderr);
	return 2;
}
