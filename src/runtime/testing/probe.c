/* Makes each system call whose number is given, without arguments, and prints its error number: "<call> <errno>". */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		errno = 0;
		syscall(atol(argv[i]), 0, 0, 0, 0, 0, 0);
		printf("%s %d\n", argv[i], errno);
	}
	return 0;
}
