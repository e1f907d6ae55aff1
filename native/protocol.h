/*
 * Frames between a client and the launcher or a supervisor, in both directions: type (u8), three zero bytes, length
 * (u32, big-endian), payload. It is the header of Docker's multiplexed streams, so output passes through untouched.
 * `src/runtime/frames.ts` holds the same numbers.
 */
#ifndef SAMPAN_PROTOCOL_H
#define SAMPAN_PROTOCOL_H

enum { FRAME_HEADER = 8, FRAME_PAYLOAD_MAX = 16 << 20 };

enum frame_type {
  FRAME_STDOUT = 0x01,
  FRAME_STDERR = 0x02,

  FRAME_PLAN = 0x10, /* client -> launcher: a plan (docs/plan-format.md) */

  FRAME_RESULT = 0x20,  /* index of the step in the before stage (u32, big-endian) and its bytes */
  FRAME_DONE = 0x21,    /* a one-shot plan is finished */
  FRAME_STARTED = 0x22, /* JSON {pid, startedAtNs} */
  FRAME_FAILED = 0x23,  /* JSON of PlanFailure */
};

#endif
