import { readFileSync, statSync } from 'node:fs';
import type { Client } from '../../client/client.ts';
import { isNotFound } from '../../client/errors.ts';
import type { KeptSecrets } from '../../wire/build-messages.ts';
import { CommandError } from '../command-error.ts';
import { fileFailure } from '../file-failure.ts';
import type { Io } from '../io.ts';
import { checkFields, fieldsOf } from './fields.ts';

/** Of each, as BuildKit has it. */
const MAX_BYTES = 500 << 10;

/**
 * The secrets that `--secret` names, by their IDs: `id=x,src=file`, `id=x,env=VARIABLE`, or `id=x` for the variable or the file of that
 * name. Throws CommandError.
 */
export function readSecrets(
  values: readonly string[],
  environment: Io['environment'],
): Map<string, Uint8Array> {
  const secrets = new Map<string, Uint8Array>();
  for (const value of values) {
    const { id, content } = readSecret(value, environment);
    if (content.length > MAX_BYTES) throw tooLarge(`secret ${id}`);
    secrets.set(id, content);
  }
  return secrets;
}

function readSecret(value: string, environment: Io['environment']): { id: string; content: Uint8Array } {
  const fields = fieldsOf(value);
  checkFields(value, fields, ['id', 'type', 'src', 'source', 'env']);
  const type = fields.get('type') ?? '';
  if (!['', 'file', 'env'].includes(type))
    throw new CommandError(`unsupported secret type ${JSON.stringify(type)}`);
  let path = fields.get('src') ?? fields.get('source') ?? '';
  let variable = fields.get('env') ?? '';
  if (type === 'env' && variable === '') [variable, path] = [path, ''];
  const id = fields.get('id') ?? (variable || path);
  if (id === '') throw new CommandError(`secret ${JSON.stringify(value)} has no id`);
  if (variable === '' && path === '') [variable, path] = id in environment ? [id, ''] : ['', id];
  return { id, content: path === '' ? Buffer.from(environment[variable] ?? '') : readSecretFile(path) };
}

function readSecretFile(path: string): Uint8Array {
  try {
    if (statSync(path).size > MAX_BYTES) throw tooLarge(`secret file ${path}`);
    return readFileSync(path);
  } catch (reason) {
    if (reason instanceof CommandError) throw reason;
    throw fileFailure('failed to read secret: open', path, reason);
  }
}

function tooLarge(what: string): CommandError {
  return new CommandError(`${what} has more than ${MAX_BYTES} bytes`);
}

/** Sends them to the daemon ahead of a build; the ID for its query, undefined for none. Throws CommandError. */
export async function sendSecrets(
  client: Client,
  secrets: ReadonlyMap<string, Uint8Array>,
): Promise<string | undefined> {
  if (secrets.size === 0) return undefined;
  const inBase64 = [...secrets].map(([id, bytes]) => [id, Buffer.from(bytes).toString('base64')]);
  try {
    const json = { Secrets: Object.fromEntries(inBase64) };
    return (await client.json<KeptSecrets>('POST', '/build/secrets', { json })).ID;
  } catch (reason) {
    if (!isNotFound(reason)) throw reason;
    throw new CommandError('this daemon takes no secrets');
  }
}
