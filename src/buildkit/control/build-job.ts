import { join } from 'node:path';
import { background, type Context } from '../../base/context.ts';
import { invalid } from '../../base/errors.ts';
import { withoutCredentials } from '../../base/without-credentials.ts';
import type { BuildRequest, BuildResult } from '../../build/contract.ts';
import type { Digest } from '../../oci/digest.ts';
import type { Descriptor } from '../../oci/image.ts';
import { hostPlatform } from '../../oci/platform.ts';
import { FailedCall } from '../grpc/server.ts';
import { type FailureSource, failureOf, type GrpcFailure } from '../grpc/status.ts';
import type { BuildkitParts } from '../parts.ts';
import type { FrontendSolveRequest } from '../protobuf/control-messages.ts';
import type { Value } from '../protobuf/message.ts';
import { forwardAgent } from '../session/agents.ts';
import { sessionCredentials } from '../session/credentials.ts';
import { sessionSecret } from '../session/secrets.ts';
import type { ClientSession, ClientSessions } from '../sessions.ts';
import { answerSubrequest, type SubrequestAnswer } from './answer-subrequest.ts';
import { BuildProgress, progressListener } from './build-progress.ts';
import { type BuildFiles, openSources, type SourceParts } from './build-sources.ts';
import { type CacheEntries, cacheWishes } from './cache-wishes.ts';
import { exportResult, removeUnnamed } from './export-result.ts';
import { type Export, exportOptions, isKept } from './exports.ts';
import {
  checkFrontend,
  type FrontendAttributes,
  type FrontendOptions,
  frontendOptions,
  frontendSources,
} from './frontend-options.ts';
import { jobSources } from './job-sources.ts';
import { RemoteFiles } from './remote-files.ts';
import type { ResultReference } from './result-definition.ts';
import type { StatusUpdate } from './status-updates.ts';

export interface JobRequest {
  /** The client's name for the build. */
  readonly ref: string;
  readonly session: string;
  readonly exports: readonly Export[];
  /** What steps may ask for: "network.host". */
  readonly entitlements: readonly string[];
  readonly results: BuildResults;
  readonly caches: CacheEntries;
  /** Told all that is told of the build. */
  readonly onUpdate: (update: StatusUpdate) => void;
}

/** Finds what another build of the client's made. Fails with `not-found`. */
export type BuildResults = (reference: ResultReference) => Digest;

/** What a front end is asked for. */
export interface FrontendCall {
  /** "dockerfile.v0" */
  readonly frontend: string;
  readonly attributes: FrontendAttributes;
  /** Results of other builds, by the names that the attributes have for them. */
  readonly inputs: Value<typeof FrontendSolveRequest>['inputs'];
}

/**
 * One build of a client's: opened by the call that waits for its end, driven by that call itself or, for front ends that run with the
 * client, by calls beside it.
 */
export class BuildJob implements AsyncDisposable {
  readonly progress: BuildProgress;
  readonly files = new RemoteFiles();
  readonly #parts: BuildkitParts;
  readonly #sessions: ClientSessions;
  readonly #request: JobRequest;
  readonly #context: Context;
  readonly #returned = Promise.withResolvers<void>();
  /** Until it is over. */
  readonly #kept = new AsyncDisposableStack();
  #result: BuildResult | undefined;
  readonly #made: BuildResult[] = [];
  /** Of the last cache that was written to a directory of the client's. */
  #cache: Descriptor | undefined;
  #source: FailureSource | undefined;

  constructor(context: Context, parts: BuildkitParts, sessions: ClientSessions, request: JobRequest) {
    this.#parts = parts;
    this.#sessions = sessions;
    this.#request = request;
    this.#context = context;
    this.#kept.use(this.files);
    this.progress = new BuildProgress(request.onUpdate);
    this.#returned.promise.catch(() => {});
  }

  get ref(): string {
    return this.#request.ref;
  }

  /** What was made; undefined before, and where a question was answered instead. */
  get result(): BuildResult | undefined {
    return this.#result;
  }

  get context(): Context {
    return this.#context;
  }

  /** Brings files here that a front end of the client's looks at, and returns what they are called. */
  openRemote(url: string, signal: AbortSignal): Promise<string> {
    const context = { ...this.#context, signal: AbortSignal.any([signal, this.#context.signal]) };
    return this.progress.step(`load ${withoutCredentials(url)}`, () =>
      this.files.open(context, this.#parts.builder, url),
    );
  }

  /** Builds, or answers a question about the Dockerfile. */
  async solve(call: FrontendCall, signal: AbortSignal): Promise<SubrequestAnswer | undefined> {
    const context = { ...this.#context, signal: AbortSignal.any([signal, this.#context.signal]) };
    try {
      const { frontend, attributes } = call;
      checkFrontend(frontend, attributes);
      const options = frontendOptions(attributes);
      const parts = jobSources(context, {
        ...{ parts: this.#parts, sessions: this.#sessions, session: await this.#session(context), call },
        ...{ results: this.#request.results, progress: this.progress, kept: this.#kept },
        platform: options.platforms[0] ?? hostPlatform(),
      });
      const question = attributes['requestid'] ?? '';
      if (question !== '') return await answerSubrequest(context, parts, question, attributes);
      await this.#build(context, parts, options, call);
      return undefined;
    } catch (error) {
      throw new FailedCall(failureOf(error, this.#source));
    }
  }

  /** The client's front end has come to its end. */
  returned(failure: GrpcFailure | undefined): void {
    if (failure === undefined) this.#returned.resolve();
    else this.#returned.reject(new FailedCall(failure));
  }

  /** Resolves when the client's front end has come to its end. */
  async finished(): Promise<void> {
    const { signal } = this.#context;
    const given = Promise.withResolvers<never>();
    const giveUp = (): void => given.reject(signal.reason);
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await Promise.race([this.#returned.promise, given.promise]);
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  /** What the client is told about where the result went; nothing where it did not build. */
  async export(): Promise<Record<string, string>> {
    if (this.#result === undefined) return {};
    const { images, openImage } = this.#parts;
    const parts = { images, openImage, progress: this.progress, session: () => this.#session(this.#context) };
    const response = await exportResult(this.#context, parts, this.#result, this.#request.exports);
    return this.#cache === undefined
      ? response
      : { ...response, 'cache.manifest': JSON.stringify(this.#cache) };
  }

  async #build(
    context: Context,
    parts: SourceParts,
    options: FrontendOptions,
    { attributes, inputs }: FrontendCall,
  ): Promise<void> {
    using stack = new DisposableStack();
    await using agents = new AsyncDisposableStack();
    const sources = frontendSources(attributes, inputs);
    const files = await openSources(context, parts, { sources, options }, stack);
    this.#source = { filename: files.filename, text: files.dockerfile };
    const request = {
      ...this.#requestOf(context, { options, files, agents, session: parts.session }),
      ...exportOptions(this.#request.exports, attributes),
      ...cacheWishes(this.#request.caches, attributes, parts.session, (manifest) => {
        this.#cache = manifest;
      }),
    };
    this.#result = await this.#parts.builder.build(
      context,
      request,
      progressListener(this.progress, this.#source),
    );
    this.#made.push(this.#result);
    // Given up too late for the builder to notice.
    if (this.#kept.disposed) await this.#removeUnwanted();
  }

  #requestOf(
    context: Context,
    given: {
      readonly options: FrontendOptions;
      readonly files: BuildFiles;
      readonly agents: AsyncDisposableStack;
      readonly session: ClientSession;
    },
  ): Omit<BuildRequest, 'tags'> {
    const { options, files, agents, session } = given;
    const directory = join(this.#parts.directory, 'agents');
    const forwarded = new Map<string, Promise<string | undefined>>();
    const forward = async (id: string): Promise<string | undefined> => {
      const agent = await forwardAgent(context, session, id, directory);
      return agent === undefined ? undefined : agents.use(agent).path;
    };
    return {
      ...options,
      ...files,
      ...{
        id: this.#request.ref,
        cacheFrom: [],
        style: 'buildkit',
        entitlements: this.#request.entitlements,
      },
      secrets: (id) => sessionSecret(session, id, context.signal),
      ssh: (id) => {
        const path = forwarded.get(id) ?? forward(id);
        forwarded.set(id, path);
        return path;
      },
      credentials: (domain) => sessionCredentials(context, session, domain),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.progress.end();
    await this.#removeUnwanted();
    await this.#kept.disposeAsync();
  }

  /** Whoever has given up the build has not given up this. */
  async #removeUnwanted(): Promise<void> {
    if (this.#request.exports.some(isKept)) return;
    const context = background(this.#context.log);
    for (const made of this.#made.splice(0)) await removeUnnamed(context, this.#parts, made);
  }

  #session(context: Context): Promise<ClientSession> {
    if (this.#request.session === '') throw invalid('the build has no session');
    return this.#sessions.find(this.#request.session, context.signal);
  }
}
