import type { Client } from '../../client/client.ts';
import { ApiError, isNotFound } from '../../client/errors.ts';
import { defineCommand } from '../command.ts';
import { CommandError } from '../command-error.ts';
import { flag } from '../flag.ts';
import { bool, text } from '../flag-types.ts';
import { formatUsage } from '../format-usage.ts';
import { findContainer, findImage, findNetwork, findVolume } from '../inspect-finders.ts';
import { type Inspected, showInspected } from '../inspect-output.ts';

/** Every type that Docker has; the ones of swarms and plugins have no objects here. */
const typeNames = [
  'config',
  'container',
  'image',
  'network',
  'node',
  'plugin',
  'secret',
  'service',
  'task',
  'volume',
];

export const command = defineCommand({
  flags: {
    format: flag(text(), 'f', formatUsage('object')),
    size: flag(bool(), 's', 'Show how large the files of containers are'),
    type: flag(text(), '', 'Look only for objects of this type'),
  },
  args: { atLeast: 1 },
  async run({ args, changed, options, session }) {
    const known = `must be one of ${typeNames.map((name) => JSON.stringify(name)).join(', ')}`;
    if (changed('type') && options.type === '') throw new CommandError(`type is empty: ${known}`);
    if (options.type !== '' && !typeNames.includes(options.type)) {
      throw new CommandError(`unknown type: ${JSON.stringify(options.type)}: ${known}`);
    }
    const client = await session.client();
    await showInspected(session, args, options.format, async (name) => {
      const { found, type } = await findAny(client, name, options.type, options.size);
      if (options.size && type !== 'container') {
        session.io.err(`WARNING: --size ignored for ${type}\n`);
      }
      return found;
    });
  },
});

async function findAny(
  client: Client,
  name: string,
  wanted: string,
  size: boolean,
): Promise<{ found: Inspected; type: string }> {
  const finders: readonly (readonly [string, () => Promise<Inspected>])[] = [
    ['container', () => findContainer(client, name, size)],
    ['image', () => findImage(client, name)],
    ['network', () => findNetwork(client, name)],
    ['volume', () => findVolume(client, name)],
  ];
  for (const [type, find] of finders) {
    if (wanted !== '' && wanted !== type) continue;
    try {
      return { found: await find(), type };
    } catch (reason) {
      if (wanted !== '' || !mayBeAnother(reason)) throw reason;
    }
  }
  throw new Error(`Error: No such object: ${name}`);
}

/** Whether the name may still be of another type. */
function mayBeAnother(reason: unknown): boolean {
  if (isNotFound(reason)) return true;
  return reason instanceof ApiError && /not supported|invalid reference format/.test(reason.message);
}
