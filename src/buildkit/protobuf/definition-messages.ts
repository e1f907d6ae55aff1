import { byteLists, list, message, messageMap, nested, number, text } from './message.ts';

/** What is in use of pb.Definition and its operations (solver/pb/ops.proto). */
export const Operation = message({
  inputs: list(1, message({ digest: text(1), index: number(2) })),
  source: nested(3, message({ identifier: text(1) })),
});

/** Operations, those that others need first; `metadata` by their digests. The last one names the result. */
export const Definition = message({
  operations: byteLists(1),
  metadata: messageMap(2, message({})),
});
