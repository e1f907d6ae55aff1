import { readFileSync, statSync } from 'node:fs';
import { CommandError } from '../command-error.ts';
import { fileFailure } from '../file-failure.ts';
import type { Io } from '../io.ts';
import { checkFields, fieldsOf } from './fields.ts';

/** Of all together: they travel in a header. */
const MAX_BYTES = 128 << 10;

/**
 * The secrets that `--secret` names, by their IDs: `id=x,src=file`, `id=x,env=VARIABLE`, or `id=x` for the variable or the file of that
 * name. Throws CommandError.
 */
export function readSecrets(
  values: readonly string[],
  environment: Io['environment'],
): Map<string, Uint8Array> {
  const secrets = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const value of values) {
    const { id, content } = readSecret(value, environment);
    secrets.set(id, content);
    bytes += content.length;
    if (bytes > MAX_BYTES) throw new CommandError(`secrets have more than ${MAX_BYTES} bytes together`);
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
    const size = statSync(path).size;
    if (size > MAX_BYTES) throw new CommandError(`secret file ${path} has more than ${MAX_BYTES} bytes`);
    return readFileSync(path);
  } catch (reason) {
    if (reason instanceof CommandError) throw reason;
    throw fileFailure('failed to read secret: open', path, reason);
  }
}
