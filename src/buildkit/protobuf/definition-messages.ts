import { byteLists, flag, list, message, messageMap, nested, number, text, textMap } from './message.ts';

const CopyAction = message({ source: text(1), destination: text(2), attemptUnpack: flag(7) });

/** What is in use of pb.Definition and its operations (solver/pb/ops.proto). */
export const Operation = message({
  inputs: list(1, message({ digest: text(1), index: number(2) })),
  source: nested(3, message({ identifier: text(1), attributes: textMap(2) })),
  file: nested(4, message({ actions: list(2, message({ copy: nested(4, CopyAction) })) })),
});

/** Operations, those that others need first; `metadata` by their digests. The last one names the result. */
export const Definition = message({
  operations: byteLists(1),
  metadata: messageMap(2, message({})),
});
