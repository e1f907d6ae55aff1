import { big, bytes, byteText, message, nested, number, text, textMap } from './message.ts';

/** What the services of a client's session say: fsutil.types, moby.filesync.v1, moby.buildkit.secrets.v1, moby.sshforward.v1, moby.upload.v1. */

/** fsutil.types.Stat. `mode` has Go's bits. */
export const Stat = message({
  path: byteText(1),
  mode: number(2),
  uid: number(3),
  gid: number(4),
  size: number(5),
  /** Nanoseconds since the epoch. */
  modified: big(6),
  linkName: byteText(7),
});

export const packetType = { stat: 0, request: 1, data: 2, finish: 3, error: 4 } as const;

/** fsutil.types.Packet. */
export const Packet = message({ type: number(1), stat: nested(2, Stat), id: number(3), data: bytes(4) });

/** A piece of a stream of bytes. */
export const BytesMessage = message({ data: bytes(1) });

export const CredentialsRequest = message({ host: text(1) });
export const CredentialsResponse = message({ username: text(1), secret: text(2) });

export const GetSecretRequest = message({ id: text(1), annotations: textMap(2) });
export const GetSecretResponse = message({ data: bytes(1) });

export const CheckAgentRequest = message({ id: text(1) });
export const CheckAgentResponse = message({});
