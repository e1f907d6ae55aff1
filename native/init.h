#ifndef SAMPAN_INIT_H
#define SAMPAN_INIT_H

/* docker-init -- PROGRAM ARGUMENT...: the first process of a container that was started with --init. */
int init_main(int argc, char **argv);

#endif
