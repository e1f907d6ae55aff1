import { isCode } from '../../base/errors.ts';
import { GetSecretRequest, GetSecretResponse } from '../protobuf/session-messages.ts';
import type { ClientSession } from '../sessions.ts';

const PATH = '/moby.buildkit.secrets.v1.Secrets/GetSecret';

/** Undefined when the client has none of this ID. */
export async function sessionSecret(
  session: ClientSession,
  id: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (!session.methods.has(PATH.toLowerCase())) return undefined;
  try {
    const types = [GetSecretRequest, GetSecretResponse] as const;
    return (await session.client.unary(PATH, types, { id }, signal)).data;
  } catch (error) {
    if (isCode(error, 'not-found') || isCode(error, 'unimplemented')) return undefined;
    throw error;
  }
}
