import type { Context } from '../../base/context.ts';
import { invalid, messageOf } from '../../base/errors.ts';
import type {
  Builder,
  BuildListener,
  BuildRequest,
  BuildResult,
  BuildSecrets,
  ContextSource,
  OpenTree,
} from '../../build/contract.ts';
import { BuildError } from '../../build/errors.ts';
import { EVENTS } from '../../wire/build-messages.ts';
import type { Call, HandlersOf } from '../call.ts';
import { ConnectionClosed } from '../http/connection.ts';
import { HttpError } from '../http/head.ts';
import { blobEvent, buildEvents, resultEvents } from '../render/build-events.ts';
import { BuildTranscript } from '../render/build-transcript.ts';
import { ProgressWriter } from '../streams/progress-writer.ts';
import { pruneCache } from './build-cache.ts';
import { cacheWishes } from './build-directories.ts';
import { type BuildOptions, buildOptions, buildRequest, texts } from './build-request.ts';
import { readListingIds, readListings } from './context-listings.ts';
import { buildWithSession } from './session-build.ts';

/** What named contexts begin with that are no URLs. */
const IMAGE = 'docker-image://';
const UPLOADED = 'context:';
const MAX_DOCKERFILE = 16 << 20;

export const buildHandlers: HandlersOf<
  | 'build'
  | 'buildCancel'
  | 'buildContextCompare'
  | 'buildContextList'
  | 'buildContextPaths'
  | 'buildContextUpload'
  | 'buildPrune'
  | 'buildSecrets'
> = {
  async build(call) {
    if (call.query.version === '2') return buildWithSession(call);
    const options = buildOptions(call);
    using stack = new DisposableStack();
    const writer = new ProgressWriter(call.response);
    if (call.query.progress === EVENTS) await buildWithEvents(call, options, stack, writer);
    else await buildWithTranscript(call, await openRequest(call, options, stack), writer);
    await writer.finish();
  },

  buildCancel({ engine, query }) {
    if (query.id === '') throw invalid('build ID not provided');
    engine.builder.cancel(query.id);
  },

  async buildContextCompare({ engine, query, request }) {
    const { id, unknown } = await engine.builder.compareContext(
      query.key,
      await readListingIds(request.body),
      query.part,
    );
    return { ID: id, Unknown: [...unknown] };
  },

  async buildContextList({ engine, query, request }) {
    return { Wanted: [...engine.builder.listContext(query.context, await readListings(request.body))] };
  },

  async buildContextPaths(call) {
    const { engine, context, query, request } = call;
    const options = buildOptions(call);
    const dockerfile = Buffer.from(await request.body.whole(MAX_DOCKERFILE)).toString();
    const namedContexts = Object.fromEntries(
      Object.entries(texts('contexts', query.contexts)).map(([name, text]) => [name, imageOf(text)]),
    );
    const paths = await engine.builder.contextPaths(context, { ...options, dockerfile, namedContexts });
    return paths === undefined ? {} : { Paths: [...paths] };
  },

  async buildContextUpload({ engine, context, request }) {
    return { ID: await engine.builder.upload(context, request.body) };
  },

  buildSecrets: ({ engine, body }) => ({ ID: engine.builder.keepSecrets(secretsOf(body.Secrets ?? {})) }),

  buildPrune: pruneCache,
};

function secretsOf(inBase64: Readonly<Record<string, string>>): BuildSecrets {
  return new Map(Object.entries(inBase64).map(([id, bytes]) => [id, Buffer.from(bytes, 'base64')]));
}

/** Takes in all files. Nothing is answered before: old clients send their whole body before they listen. */
async function openRequest(
  { engine, context, query, request }: Call<'build'>,
  options: BuildOptions,
  stack: DisposableStack,
): Promise<BuildRequest> {
  const source = sourceOf(query, request.body);
  const opened = stack.use(
    await engine.builder.openContext(context, source, query.dockerfile, options.style),
  );
  for await (const _ of request.body);
  const namedContexts: Record<string, BuildRequest['namedContexts'][string]> = {};
  for (const [name, text] of Object.entries(texts('contexts', query.contexts))) {
    const image = imageOf(text);
    if (image !== undefined) namedContexts[name] = image;
    else namedContexts[name] = stack.use(await openNamed(engine.builder, context, text)).tree;
  }
  return buildRequest(options, opened, namedContexts);
}

function imageOf(text: string): { readonly image: string } | undefined {
  return text.startsWith(IMAGE) ? { image: text.slice(IMAGE.length) } : undefined;
}

async function openNamed(builder: Builder, context: Context, text: string): Promise<OpenTree> {
  if (text.startsWith(UPLOADED)) return builder.takeUpload(text.slice(UPLOADED.length));
  return await builder.openTree(context, { kind: 'remote', url: text });
}

function sourceOf(
  { remote, context: id }: Call<'build'>['query'],
  tar: AsyncIterable<Uint8Array>,
): ContextSource {
  if (remote !== '') return { kind: 'remote', url: remote };
  return id === '' ? { kind: 'tar', tar } : { kind: 'compared', id, tar };
}

async function buildWithTranscript(
  call: Call<'build'>,
  request: BuildRequest,
  writer: ProgressWriter,
): Promise<void> {
  const { query } = call;
  const transcript = new BuildTranscript({ quiet: query.q, removes: query.rm || query.forcerm }, (message) =>
    writer.message(message),
  );
  try {
    const result = await run(call, request, transcript.listener);
    transcript.finish(result, request.tags);
  } catch (error) {
    if (error instanceof ConnectionClosed || !transcript.fail(error, query.forcerm)) throw error;
  }
}

/** Whatever fails, what is taken in included, is told as an event. */
async function buildWithEvents(
  call: Call<'build'>,
  options: BuildOptions,
  stack: DisposableStack,
  writer: ProgressWriter,
): Promise<void> {
  const { listener } = buildEvents((event) => writer.event(event));
  try {
    const request = await openRequest(call, options, stack);
    if (call.query.call !== '') {
      const { json, text, status } = await call.engine.builder.inquire(
        call.context,
        request,
        call.query.call,
      );
      writer.event({ answer: { json: JSON.stringify(json, null, 2), text, status } });
      return;
    }
    const caches = cacheWishes(call.engine.builder, call.query, stack, (move) =>
      writer.event(blobEvent(move)),
    );
    const result = await run(call, { ...request, ...caches }, listener);
    for (const event of resultEvents(result)) writer.event(event);
  } catch (error) {
    if (error instanceof ConnectionClosed || error instanceof HttpError) throw error;
    // Nothing is answered before all is taken in.
    for await (const _ of call.request.body);
    writer.event({ failure: failureOf(error) });
  }
}

function run(
  { engine, context }: Call<'build'>,
  request: BuildRequest,
  listener: BuildListener,
): Promise<BuildResult> {
  return engine.builder.build(context, request, listener);
}

function failureOf(error: unknown) {
  const known = error instanceof BuildError ? error : undefined;
  return {
    message: messageOf(error),
    code: known?.exitCode ?? 0,
    digest: known?.vertex ?? '',
    lines: known?.lines ?? null,
    excerpt: known?.excerpt ?? '',
  };
}
