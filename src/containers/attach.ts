import type { Context } from '../base/context.ts';
import { conflict, isCode } from '../base/errors.ts';
import type { Attachment } from '../runtime/contract.ts';
import type { ContainerAttachOptions } from './contract.ts';
import { readContainerLog } from './logs/container-log.ts';
import type { Parts } from './parts.ts';
import type { Entry } from './record.ts';
import { nowNano } from './times.ts';

/**
 * What is in the log, then what comes, or one of them. A client may attach before the container runs: it joins the next start.
 */
export async function attachEntry(
  parts: Parts,
  context: Context,
  entry: Entry,
  reference: string,
  options: ContainerAttachOptions,
): Promise<Attachment> {
  const { status } = entry.container.state;
  if (status === 'paused') {
    throw conflict(`container ${reference} is paused, unpause the container before attach`);
  }
  if (status === 'restarting') {
    throw conflict(`container ${reference} is restarting, wait until the container is running`);
  }
  const stream = options.stream ? await joinStreams(context, entry, options) : silent();
  const log = options.logs ? logUntilNow(parts, context, entry, options) : undefined;
  parts.events.container(entry.container, 'attach');
  stream.detached
    .then((detached) => {
      if (detached) parts.events.container(entry.container, 'detach');
    })
    .catch((error) => parts.log.debug('an attachment broke off', { container: entry.id, error }));
  return log === undefined ? stream : withPrelude(stream, log);
}

async function joinStreams(
  context: Context,
  entry: Entry,
  options: ContainerAttachOptions,
): Promise<Attachment> {
  // A start under way takes only those that came before it.
  if (entry.task === undefined) await entry.lock.idle();
  if (entry.task === undefined) return entry.attachments.add(options);
  try {
    return await entry.task.attach(context, options);
  } catch (error) {
    // It ended just now.
    if (isCode(error, 'not-found')) return silent();
    throw error;
  }
}

/** The streams are joined already: what comes later than now comes from there. */
function logUntilNow(
  parts: Parts,
  context: Context,
  entry: Entry,
  { stdout, stderr }: ContainerAttachOptions,
): AsyncIterable<Uint8Array> {
  return readContainerLog(parts, context, withoutTerminal(entry), {
    stdout,
    stderr,
    follow: false,
    timestamps: false,
    details: false,
    tail: undefined,
    since: undefined,
    until: nowNano(),
  });
}

/** An attachment's frames are multiplexed for terminals too. */
function withoutTerminal(entry: Entry): Entry {
  return { ...entry, container: { ...entry.container, config: { ...entry.container.config, Tty: false } } };
}

function withPrelude(stream: Attachment, prelude: AsyncIterable<Uint8Array>): Attachment {
  return {
    frames: concat(prelude, stream.frames),
    write: (chunk) => stream.write(chunk),
    end: () => stream.end(),
    detached: stream.detached,
    [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose](),
  };
}

async function* concat(...parts: readonly AsyncIterable<Uint8Array>[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield* part;
}

/** An attachment to nothing. */
function silent(): Attachment {
  return {
    frames: concat(),
    write: async () => {},
    end: async () => {},
    detached: Promise.resolve(false),
    [Symbol.asyncDispose]: async () => {},
  };
}
