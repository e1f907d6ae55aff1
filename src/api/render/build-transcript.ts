import { randomBytes } from 'node:crypto';
import { messageOf } from '../../base/errors.ts';
import type { BasePull, BuildListener, BuildResult, TranscriptEvent } from '../../build/contract.ts';
import { BuildError } from '../../build/errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { familiarReference, parseReference } from '../../oci/reference.ts';
import type { ProgressMessage } from '../../wire/messages.ts';
import { pullMessage } from './progress.ts';

export interface TranscriptOptions {
  /** Nothing is told but the image's ID, or why there is none and all that led to it. */
  readonly quiet: boolean;
  /** Containers would be removed after their steps. */
  readonly removes: boolean;
}

type Stream = 'stdout' | 'stderr';

/** What was told of a vertex before its turn. */
interface Waiting {
  made: boolean;
  readonly output: [Stream, Uint8Array][];
}

interface CurrentStep {
  readonly vertex: Digest | undefined;
  readonly runs: boolean;
  /** Of the container that the classic builder would have. */
  container: string | undefined;
}

/** A build as the classic builder tells it: what its instructions print comes in the order of the file, whatever runs beside what. */
export class BuildTranscript {
  readonly #options: TranscriptOptions;
  readonly #send: (message: ProgressMessage) => void;
  /** Messages of a quiet build. */
  readonly #held: ProgressMessage[] = [];
  readonly #waiting = new Map<Digest, Waiting>();
  readonly #decoders = new Map<string, TextDecoder>();
  #step: CurrentStep | undefined;
  #hasSpoken = false;

  constructor(options: TranscriptOptions, send: (message: ProgressMessage) => void) {
    this.#options = options;
    this.#send = send;
  }

  get listener(): BuildListener {
    return {
      onTranscript: (event) => this.#event(event),
      onPull: (event) => this.#pull(event),
      onMake: (vertex) => this.#made(vertex),
      onOutput: (vertex, stream, bytes) => this.#output(vertex, stream, bytes),
    };
  }

  finish({ images }: BuildResult, tags: readonly string[]): void {
    const id = images.at(-1)?.id ?? '';
    if (this.#options.quiet) {
      this.#send({ stream: `${id}\n` });
      return;
    }
    this.#line(`Successfully built ${shortId(id)}`);
    for (const tag of tags) this.#line(`Successfully tagged ${tag}`);
  }

  /** Tells a failure; false when nothing has been told yet, and it can be the answer's status. */
  fail(error: unknown, removes: boolean): boolean {
    const container = this.#step?.container;
    if (removes && container !== undefined) this.#line(` ---> Removed intermediate container ${container}`);
    for (const message of this.#held) this.#send(message);
    if (!this.#hasSpoken) return false;
    const code = error instanceof BuildError ? error.exitCode : 0;
    const message = classicMessage(error);
    this.#send({ errorDetail: { ...(code === 0 ? {} : { code }), message }, error: message });
    return true;
  }

  #tell(message: ProgressMessage): void {
    this.#hasSpoken = true;
    if (this.#options.quiet) this.#held.push(message);
    else this.#send(message);
  }

  #line(text: string): void {
    this.#tell({ stream: `${text}\n` });
  }

  #event(event: TranscriptEvent): void {
    switch (event.type) {
      case 'instruction':
        this.#line(`Step ${event.number}/${event.total} : ${event.text}`);
        break;
      case 'note':
        this.#line(event.text);
        break;
      case 'triggers':
        this.#line(`# Executing ${event.count} build trigger${event.count === 1 ? '' : 's'}`);
        break;
      case 'step':
        this.#begin(event.vertex, event.runs);
        break;
      case 'step-done':
        this.#end(event.cached);
        break;
      case 'image':
        this.#line(` ---> ${shortId(event.id ?? '')}`);
        break;
      case 'unused':
        this.#line(`[Warning] One or more build-args [${event.args.join(' ')}] were not consumed`);
        break;
      case 'stage':
        if (event.id !== undefined) this.#tell({ aux: { ID: event.id } });
    }
  }

  #begin(vertex: Digest | undefined, runs: boolean): void {
    const step = { vertex, runs, container: undefined };
    this.#step = step;
    const waiting = vertex === undefined ? undefined : this.#waiting.get(vertex);
    if (vertex === undefined || waiting === undefined) return;
    this.#waiting.delete(vertex);
    if (waiting.made) this.#runIn(step);
    for (const [stream, bytes] of waiting.output) this.#print(vertex, stream, bytes);
  }

  #end(cached: boolean): void {
    const step = this.#step;
    if (step === undefined) return;
    if (cached) this.#line(' ---> Using cache');
    else if (step.runs) {
      this.#runIn(step);
      if (this.#options.removes) this.#line(` ---> Removed intermediate container ${step.container}`);
    }
    this.#step = undefined;
  }

  #made(vertex: Digest): void {
    if (this.#step?.vertex === vertex) this.#runIn(this.#step);
    else this.#waitingOf(vertex).made = true;
  }

  /** Steps run without containers that could be seen: the name stands for itself. */
  #runIn(step: CurrentStep): void {
    if (!step.runs || step.container !== undefined) return;
    step.container = randomBytes(6).toString('hex');
    this.#line(` ---> Running in ${step.container}`);
  }

  #output(vertex: Digest, stream: Stream, bytes: Uint8Array): void {
    if (this.#step?.vertex === vertex) this.#print(vertex, stream, bytes);
    else this.#waitingOf(vertex).output.push([stream, bytes.slice()]);
  }

  /** Errors are red. */
  #print(vertex: Digest, stream: Stream, bytes: Uint8Array): void {
    const text = this.#decoder(`${vertex} ${stream}`).decode(bytes, { stream: true });
    if (text === '') return;
    this.#tell({ stream: stream === 'stderr' ? `\u001b[91m${text}\u001b[0m` : text });
  }

  #decoder(key: string): TextDecoder {
    const decoder = this.#decoders.get(key) ?? new TextDecoder();
    this.#decoders.set(key, decoder);
    return decoder;
  }

  #waitingOf(vertex: Digest): Waiting {
    const waiting = this.#waiting.get(vertex) ?? { made: false, output: [] };
    this.#waiting.set(vertex, waiting);
    return waiting;
  }

  #pull(event: BasePull): void {
    const reference = parseReference(event.reference);
    if (event.type === 'found') {
      this.#tell({ status: `Pulling from ${reference.path}`, id: reference.digest ?? reference.tag ?? '' });
    } else if (event.type === 'layer') {
      this.#tell(pullMessage(event.progress));
    } else if (event.type === 'done') {
      this.#tell({ status: `Digest: ${event.digest}` });
      const outcome = event.isNew ? 'Downloaded newer image' : 'Image is up to date';
      this.#tell({ status: `Status: ${outcome} for ${familiarReference(reference)}` });
    }
  }
}

function shortId(id: string): string {
  return id.slice('sha256:'.length, 'sha256:'.length + 12);
}

/** A failed command in the classic builder's words; other failures speak for themselves. */
function classicMessage(error: unknown): string {
  if (!(error instanceof BuildError) || error.exitCode === 0) return messageOf(error);
  return `The command '${error.command.join(' ')}' returned a non-zero code: ${error.exitCode}`;
}
