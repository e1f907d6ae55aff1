import { setTimeout as sleep } from 'node:timers/promises';
import { invalid, isCode } from '../../base/errors.ts';
import type { StatsSample, WaitCondition } from '../../containers/contract.ts';
import { parseDetachKeys } from '../../wire/detach-keys.ts';
import { type ApiVersion, differs } from '../../wire/versions.ts';
import type { Call, HandlersOf } from '../call.ts';
import type { RequestBody } from '../http/body.ts';
import type { Connection } from '../http/connection.ts';
import { renderStats } from '../render/stats.ts';
import { type Peer, pump } from '../streams/pump.ts';
import { acceptWebsocket } from '../streams/websocket.ts';
import { parseTimestamp } from '../timestamp.ts';

/** Of the head before output, in milliseconds; what is in the log already would follow it at once. */
const headStarts = { logs: 50, live: 5 } as const;

export const RAW_STREAM = 'application/vnd.docker.raw-stream';
const MAX_ATTACH_BODY = 64 * 1024;
const MULTIPLEXED_STREAM = 'application/vnd.docker.multiplexed-stream';

/** What a stream of a process's output is called: its frames have a name of their own only in newer versions. */
export function streamType(terminal: boolean, version: ApiVersion): string {
  return !terminal && differs(version, 'multiplexedContentType') ? MULTIPLEXED_STREAM : RAW_STREAM;
}

/** Wrong keys are told even where there is no terminal to type them on. */
function detachKeysFor(terminal: boolean, text: string): Uint8Array {
  const keys = parseDetachKeys(text);
  return terminal ? keys : new Uint8Array();
}

export const containerStreamHandlers: HandlersOf<
  'containerAttach' | 'containerAttachWebsocket' | 'containerLogs' | 'containerStats' | 'containerWait'
> = {
  async containerAttach({ engine, context, name, query, version, request, response }) {
    const terminal = engine.containers.get(name).config.Tty;
    const { detachKeys, ...streams } = query;
    const attachment = await engine.containers.attach(context, name, {
      ...streams,
      detachKeys: detachKeysFor(terminal, detachKeys),
    });
    // Some clients repeat the query as a body, which is no input.
    if (request.body.length !== undefined) await request.body.whole(MAX_ATTACH_BODY);
    const upgrade = request.headers.has('upgrade');
    const type = upgrade ? streamType(terminal, version) : RAW_STREAM;
    const connection = response.hijack({ 'Content-Type': type }, upgrade ? 'tcp' : undefined);
    const headStart = query.logs ? headStarts.logs : headStarts.live;
    const peer = request.body.length === undefined ? withChunkedInput(connection, request.body) : connection;
    await pump(peer, attachment, { stdin: query.stdin, raw: terminal, headStart });
  },

  async containerAttachWebsocket({ engine, context, name, query, version, request, response }) {
    const terminal = engine.containers.get(name).config.Tty;
    const { detachKeys, ...asked } = query;
    const streams = differs(version, 'websocketStreams')
      ? asked
      : { ...asked, stdin: true, stdout: true, stderr: true };
    const attachment = await engine.containers.attach(context, name, {
      ...streams,
      detachKeys: detachKeysFor(terminal, detachKeys),
    });
    const peer = acceptWebsocket(request, response);
    await pump(peer, attachment, { stdin: streams.stdin, raw: true, headStart: 0 });
  },

  async containerLogs({ engine, context, name, query, version, response }) {
    if (!query.stdout && !query.stderr) {
      throw invalid('Bad parameters: you must choose at least one stream');
    }
    const { config } = engine.containers.get(name);
    const { stdout, stderr, follow, timestamps, details } = query;
    const bytes = await engine.containers.logs(context, name, {
      stdout,
      stderr,
      follow,
      timestamps,
      details,
      tail: /^\d{1,15}$/.test(query.tail) ? Number(query.tail) : undefined,
      since: parseTimestamp(query.since, 'since'),
      until: query.until === '0' ? undefined : parseTimestamp(query.until, 'until'),
    });
    await response.start(200, streamType(config.Tty, version));
    for await (const part of bytes) await response.write(part);
  },

  async containerStats(call) {
    const { query, version, response } = call;
    const oneShot = query['one-shot'] && differs(version, 'statsOneShot');
    if (oneShot && query.stream) throw invalid('cannot have stream=true and one-shot=true');
    const first = await sampleOf(call);
    await response.start(200, 'application/json');
    if (query.stream) await streamStats(call, first);
    else if (oneShot || first.cgroup === undefined) await writeStats(call, first, undefined);
    else {
      await sleep(call.settings.statsInterval, undefined, { signal: call.context.signal });
      await writeStats(call, await sampleOf(call), first);
    }
  },

  async containerWait({ engine, context, name, query, version, response }) {
    const { id } = engine.containers.get(name);
    // Begun before the client hears anything: it starts the container on the strength of that.
    const waiting = engine.containers.wait(context, id, waitCondition(query.condition, version));
    waiting.catch(() => {});
    await response.start(200, 'application/json');
    const { code, error } = await waiting;
    const answer = { ...(error === '' ? {} : { Error: { Message: error } }), StatusCode: code };
    await response.write(`${JSON.stringify(answer)}\n`);
  },
};

function waitCondition(text: string, version: ApiVersion): WaitCondition {
  if (text === '' || !differs(version, 'waitCondition')) return 'not-running';
  if (text === 'not-running' || text === 'next-exit' || text === 'removed') return text;
  throw invalid(`invalid condition: ${JSON.stringify(text)}`);
}

/** Clients that send their input as a chunked body instead of after it. */
function withChunkedInput(connection: Connection, body: RequestBody): Peer {
  return {
    read: () => body.read(),
    write: (bytes) => connection.write(bytes),
    finish: () => connection.finish(),
    onClose: (listener) => connection.onClose(listener),
  };
}

function sampleOf({ engine, context, name }: Call<'containerStats'>): Promise<StatsSample> {
  return engine.containers.stats(context, name);
}

async function writeStats(
  { response }: Call<'containerStats'>,
  sample: StatsSample,
  previous: StatsSample | undefined,
): Promise<void> {
  await response.write(`${JSON.stringify(renderStats(sample, previous))}\n`);
}

/** A sample per interval, until the client leaves or the container is removed. */
async function streamStats(call: Call<'containerStats'>, first: StatsSample): Promise<void> {
  let previous: StatsSample | undefined;
  let sample: StatsSample | undefined = first;
  while (sample !== undefined) {
    await writeStats(call, sample, previous);
    await sleep(call.settings.statsInterval, undefined, { signal: call.context.signal });
    previous = sample;
    sample = await sampleOf(call).catch((error) => {
      if (isCode(error, 'not-found')) return undefined;
      throw error;
    });
  }
}
