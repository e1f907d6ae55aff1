/* The resident launcher. */
#ifndef SAMPAN_SERVE_H
#define SAMPAN_SERVE_H

/*
 * Listens on a Unix socket and carries out each connection's plan in a process of its own, until standard input ends. Prints
 * "ready" and a newline once it listens. `argv` is what to re-execute from a sealed copy. Returns an exit status.
 */
int serve(const char *socket_path, char **argv);

#endif
