import { statSync } from 'node:fs';
import type { Client } from '../../client/client.ts';
import { isNotFound } from '../../client/errors.ts';
import type { UploadedContext } from '../../wire/build-messages.ts';
import { CommandError } from '../command-error.ts';
import { cut } from '../flag-types.ts';
import { isRemote } from './context-source.ts';
import { packNamedContext } from './prepare-context.ts';

/** What `--build-context` names, by name; local folders are sent to the daemon. Throws CommandError. */
export async function namedContexts(
  client: Client,
  values: readonly string[],
): Promise<Record<string, string>> {
  const contexts: Record<string, string> = {};
  for (const value of values) {
    const [name, source] = cut(value, '=');
    if (!value.includes('=') || name === '') {
      throw new CommandError(`invalid context value: ${value}, expected key=value`);
    }
    contexts[name] =
      source.startsWith('docker-image://') || isRemote(source) ? source : await upload(client, source);
  }
  return contexts;
}

async function upload(client: Client, path: string): Promise<string> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new CommandError(`failed to get build context ${path}: it is neither a folder nor an address`);
  }
  try {
    const { ID } = await client.json<UploadedContext>('POST', '/build/contexts', {
      headers: { 'Content-Type': 'application/x-tar' },
      body: packNamedContext(path),
    });
    return `context:${ID}`;
  } catch (reason) {
    if (!isNotFound(reason)) throw reason;
    throw new CommandError('this daemon takes no folders as named contexts');
  }
}
