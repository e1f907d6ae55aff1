#ifndef SAMPAN_STREAMS_H
#define SAMPAN_STREAMS_H

#include <stdbool.h>

#include "loop.h"

struct run;

/*
 * The standard streams of one process: a terminal's master, or up to three pipes.
 *
 * Output is read as it comes and handed to `on_output`, unless somebody holds it: then the kernel's buffer fills and the
 * process waits, which is the only back-pressure there is.
 */
struct streams {
	bool terminal;
	/* The process was given an open standard input, whatever became of it since. */
	bool stdin_open;
	bool stdin_once;
	bool opened;
	bool process_gone;
	/* Bytes have come since the last look: see streams_moved. */
	bool moved;
	unsigned holders;
	struct watch input;
	/* stdout (or all of a terminal's output), stderr */
	struct watch outputs[2];
	struct timer retry;

	void (*on_output)(struct streams *streams, int stream, const uint8_t *bytes, size_t count);
	/* Standard input takes bytes again. */
	void (*on_writable)(struct streams *streams);
	/* No more output will come. */
	void (*on_end)(struct streams *streams);
};

/* Closed streams, which can be held already. The callbacks are the caller's to set. */
void streams_init(struct streams *streams);
/* Takes the descriptors of a process that runs over from `run`, and begins to read. */
int streams_open(struct streams *streams, struct run *run);
void streams_close(struct streams *streams);
/* The process has exited: what it has written is still to come, then the end. */
void streams_process_gone(struct streams *streams);
bool streams_ended(const struct streams *streams);
/* Whether bytes have come since the last call. */
bool streams_moved(struct streams *streams);

void streams_hold(struct streams *streams);
void streams_release(struct streams *streams);

/* Returns how many bytes were taken, 0 before the streams are open. Where nobody reads any more, all are. */
size_t streams_write(struct streams *streams, const uint8_t *bytes, size_t count);
void streams_close_input(struct streams *streams);
void streams_resize(struct streams *streams, unsigned rows, unsigned columns);

#endif
