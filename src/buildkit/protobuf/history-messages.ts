import { Timestamp } from './control-messages.ts';
import { flag, list, message, nested, number, text, textMap, texts } from './message.ts';
import { Status } from './status-message.ts';

/** What is in use of the history of builds (api/services/control/control.proto). */

export const Descriptor = message({
  mediaType: text(1),
  digest: text(2),
  size: number(3),
  annotations: textMap(5),
});

const ResultInfo = message({
  attestations: list(2, Descriptor),
  results: list(3, message({ key: number(1), value: nested(2, Descriptor) })),
});

export const BuildRecord = message({
  ref: text(1),
  frontend: text(2),
  frontendAttributes: textMap(3),
  exporters: list(4, message({ type: text(1), attributes: textMap(2) })),
  error: nested(5, Status),
  created: nested(6, Timestamp),
  completed: nested(7, Timestamp),
  /** StatusResponses, each after its length in four bytes, little end first. */
  logs: nested(8, Descriptor),
  exporterResponse: textMap(9),
  /** Of one platform. */
  result: nested(10, ResultInfo),
  /** Of several, by platform. */
  results: list(11, message({ key: text(1), value: nested(2, ResultInfo) })),
  generation: number(12),
  pinned: flag(14),
  cachedSteps: number(15),
  totalSteps: number(16),
  completedSteps: number(17),
  /** A Status with its details. */
  externalError: nested(18, Descriptor),
  warnings: number(19),
});

export const buildEvent = { started: 0, complete: 1, deleted: 2 } as const;

export const BuildEvent = message({ type: number(1), record: nested(2, BuildRecord) });

export const HistoryRequest = message({
  activeOnly: flag(1),
  ref: text(2),
  /** Without what happens from now on. */
  earlyExit: flag(3),
  filters: texts(4),
  limit: number(5),
});

export const UpdateHistoryRequest = message({
  ref: text(1),
  pinned: flag(2),
  delete: flag(3),
  /** Only that all is written that is known of it. */
  finalize: flag(4),
});
