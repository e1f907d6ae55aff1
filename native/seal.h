/* Running from a copy of the program that nobody can write. */
#ifndef SAMPAN_SEAL_H
#define SAMPAN_SEAL_H

/*
 * Re-executes this program from a sealed memory file, unless it runs from one already, so that a container that gets at
 * /proc/<pid>/exe cannot overwrite the launcher (CVE-2019-5736). Every fork shares that copy's pages. -1 with errno.
 */
int seal_program(char **argv);

#endif
