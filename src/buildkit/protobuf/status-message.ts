import { bytes, list, message, number, text } from './message.ts';

/** google.rpc.Status: how a call failed. */
export const Status = message({
  code: number(1),
  message: text(2),
  details: list(3, message({ typeUrl: text(1), value: bytes(2) })),
});
