#ifndef SAMPAN_GZIP_H
#define SAMPAN_GZIP_H

/* Replaces the file `plain` by `packed`, its gzip form (RFC 1952). Returns -1 with errno, and `plain` stays. */
int gzip_replace(const char *plain, const char *packed);

#endif
