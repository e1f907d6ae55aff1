#ifndef SAMPAN_REPUBLISH_H
#define SAMPAN_REPUBLISH_H

#include <stddef.h>
#include <stdint.h>

struct failure;
struct run;

/*
 * Takes an encoded plan: the container's published ports are those of its before stage from now on, and its after stage, instead of the
 * `netlink` steps of the start's, takes them out of the firewall in the end. Ports that stay are not closed, connections that came in by
 * one that goes live on. Returns -1 with the failure, nothing having changed.
 */
int republish(struct run *run, const uint8_t *plan, size_t size, struct failure *failure);

#endif
