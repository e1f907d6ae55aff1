import type { BasePull, BlobMove, BuildListener, BuildResult } from '../../build/contract.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import { formatPlatform } from '../../oci/platform.ts';
import { formatReference, parseReference } from '../../oci/reference.ts';
import type { BuildEvent } from '../../wire/build-messages.ts';

/** What happens in a build as the API's own events. */
export function buildEvents(send: (event: BuildEvent) => void): { readonly listener: BuildListener } {
  const pulls = new PullEvents(send);
  const listener: BuildListener = {
    onWarnings(warnings) {
      for (const { lines, ...warning } of warnings) send({ warning: { ...warning, lines: { ...lines } } });
    },
    onSources({ filename, dockerfile, ignoreFile }) {
      const definition = `load build definition from ${filename}`;
      const all = [
        ...readEvents(definition, 'transferring dockerfile:', dockerfile),
        ...readEvents('load .dockerignore', 'transferring context:', ignoreFile),
      ];
      for (const event of all) send(event);
    },
    onPull: (event) => pulls.tell(event),
    onPlan(vertices) {
      for (const { digest, name, inputs } of vertices)
        send({ vertex: { digest, name, inputs: [...inputs] } });
    },
    onStart: (digest) => send({ started: { digest, time: Date.now() } }),
    onOutput(digest, stream, bytes) {
      const data = Buffer.from(bytes).toString('base64');
      send({ output: { digest, stream: stream === 'stdout' ? 1 : 2, data, time: Date.now() } });
    },
    onProgress: (digest, id, current, total) =>
      send({ transfer: { digest, id, current, total, time: Date.now() } }),
    onDone(digest, { cached, error }) {
      send({ done: { digest, cached, ...(error === undefined ? {} : { error }), time: Date.now() } });
    },
    onShell({ id, vertex, args, error }) {
      send({ shell: { digest: vertex, id, Cmd: [...args], error } });
    },
  };
  return { listener };
}

/** What the client is to do for a cache that it keeps. */
export function blobEvent({ kind, directory, digest, size, mediaType, offset }: BlobMove): BuildEvent {
  return {
    blob: {
      ...{ Kind: kind, Directory: directory, Digest: digest },
      ...{ Size: size, MediaType: mediaType, Offset: offset },
    },
  };
}

/** What a build made, and what is said about it. */
export function* resultEvents({ images, index }: BuildResult): Generator<BuildEvent, void, void> {
  for (const { id, platform, manifest, isNew, statements = [] } of images) {
    const Platform = formatPlatform(platform);
    const Manifest = manifest === undefined ? {} : { Manifest: manifest };
    yield { aux: { ID: id, Platform, ...Manifest, New: isNew } };
    for (const { predicateType, bytes } of statements) {
      const Data = Buffer.from(bytes).toString('base64');
      yield { statement: { Platform, PredicateType: predicateType, Data } };
    }
  }
  if (index !== undefined) yield { index: { Digest: index.digest, Size: index.size } };
}

/** What was read before anything else: it takes no time by now. */
function readEvents(what: string, id: string, size: number): BuildEvent[] {
  const name = `[internal] ${what}`;
  const digest = digestOf(Buffer.from(name));
  const time = Date.now();
  return [
    { vertex: { digest, name, inputs: [] } },
    { started: { digest, time } },
    { transfer: { digest, id, current: size, total: 0, time } },
    { done: { digest, cached: false, time } },
  ];
}

/** Base images come before there is a plan: each is a vertex of its own. */
class PullEvents {
  readonly #send: (event: BuildEvent) => void;
  readonly #begun = new Set<Digest>();

  constructor(send: (event: BuildEvent) => void) {
    this.#send = send;
  }

  tell(event: BasePull): void {
    const digest = digestOf(Buffer.from(`pull ${event.reference}`));
    this.#begin(digest, event.reference);
    if (event.type === 'sought') return;
    if (event.type === 'layer') {
      const { layer, current, total } = event.progress;
      this.#send({ transfer: { digest, id: layer, current, total, time: Date.now() } });
    } else if (event.type !== 'found') {
      const failure = event.type === 'failed' ? { error: event.error } : {};
      this.#send({ done: { digest, cached: false, ...failure, time: Date.now() } });
    }
  }

  #begin(digest: Digest, reference: string): void {
    if (this.#begun.has(digest)) return;
    this.#begun.add(digest);
    const name = `[internal] load metadata for ${formatReference(parseReference(reference))}`;
    this.#send({ vertex: { digest, name, inputs: [] } });
    this.#send({ started: { digest, time: Date.now() } });
  }
}
