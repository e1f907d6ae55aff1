/* What a container's networks know: names to addresses, and back. */
#ifndef SAMPAN_DNS_ANSWER_H
#define SAMPAN_DNS_ANSWER_H

#include "dns-message.h"
#include "dns-settings.h"

/* Writes the answer's records. Returns false if nothing is known of what is asked for, so that others are to be asked. */
bool dns_answer(const struct dns_settings *settings, const struct dns_query *query, struct dns_reply *reply);

#endif
