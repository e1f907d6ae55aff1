import { conflict, notFound, SampanError } from '../../base/errors.ts';
import type { EngineEvent } from '../../base/events.ts';
import type {
  Container,
  ContainerAttachOptions,
  CreateRequest,
  Exec,
  ExecStartOptions,
  StatsSample,
} from '../../containers/contract.ts';
import type { Engine } from '../../engine/contract.ts';
import type { Image } from '../../images/contract.ts';
import type { Network } from '../../network/contract.ts';
import type { Volume } from '../../volumes/contract.ts';
import { FakeAttachment } from './fake-attachment.ts';
import { container, facts, image, network } from './samples.ts';

/** An engine that only remembers: what the API asked of it, and what it is to answer. */
export interface FakeEngine extends Engine {
  readonly calls: [name: string, ...values: unknown[]][];
  readonly stored: {
    containers: Container[];
    images: Image[];
    networks: Network[];
    volumes: Volume[];
    execs: Exec[];
    events: EngineEvent[];
    log: Uint8Array[];
  };
  readonly attachments: FakeAttachment[];
  /** Ends what waits for an exit. */
  exit(code: number): void;
  /** Takes what was uploaded to load and import. */
  uploaded: number;
  statsSamples: StatsSample[];
}

export function createFakeEngine(): FakeEngine {
  const exited = Promise.withResolvers<{ code: number; error: string }>();
  const calls: FakeEngine['calls'] = [];
  const stored: FakeEngine['stored'] = {
    containers: [container()],
    images: [image()],
    networks: [network()],
    volumes: [],
    execs: [],
    events: [],
    log: [],
  };
  const attachments: FakeAttachment[] = [];
  const record =
    (name: string) =>
    async (_context: unknown, ...values: unknown[]): Promise<void> => {
      calls.push([name, ...values]);
      if (typeof values[0] === 'string') find(values[0]);
    };
  const find = (reference: string): Container => {
    const name = reference.replace(/^\//, '');
    const found = stored.containers.find(
      (one) => one.name === name || (name !== '' && one.id.startsWith(name)),
    );
    if (found === undefined) throw notFound(`No such container: ${reference}`);
    return found;
  };
  const findImage = (name: string): Image => {
    const found = stored.images.find(
      (one) => one.id === name || one.tags.includes(name) || one.tags.includes(`${name}:latest`),
    );
    if (found === undefined) throw notFound(`No such image: ${name.includes(':') ? name : `${name}:latest`}`);
    return found;
  };
  const attach = (): FakeAttachment => {
    const attachment = new FakeAttachment();
    attachments.push(attachment);
    return attachment;
  };
  const consume = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const part of bytes) engine.uploaded += part.length;
  };
  const engine: FakeEngine = {
    calls,
    stored,
    attachments,
    uploaded: 0,
    statsSamples: [],
    exit: (code) => exited.resolve({ code, error: '' }),
    containers: {
      async create(_context, request: CreateRequest) {
        calls.push(['create', request]);
        if (stored.images.every(({ tags }) => !tags.includes(`${request.config.Image}:latest`))) {
          throw notFound(`No such image: ${request.config.Image}:latest`);
        }
        return { id: 'c'.repeat(64), warnings: [] };
      },
      get: find,
      list: () => stored.containers,
      async start(_context, reference) {
        calls.push(['start', reference]);
        if (find(reference).state.status === 'running') {
          throw new SampanError('not-modified', 'container is already running');
        }
      },
      stop: record('stop'),
      restart: record('restart'),
      kill: record('kill'),
      pause: record('pause'),
      unpause: record('unpause'),
      rename: record('rename'),
      remove: record('remove'),
      async prune(_context, filter) {
        return { deleted: stored.containers.filter(filter).map(({ id }) => id), bytes: 1 };
      },
      async update(_context, reference, change) {
        calls.push(['update', reference, change]);
        return [];
      },
      async wait(_context, reference, condition) {
        calls.push(['wait', reference, condition]);
        return exited.promise as never;
      },
      resize: record('resize'),
      top: async () => ({ titles: ['PID', 'CMD'], processes: [['1', 'sh']] }),
      async stats(_context, reference) {
        const sample = engine.statsSamples.shift();
        if (sample === undefined) throw notFound(`No such container: ${reference}`);
        return sample;
      },
      async attach(_context, reference, options: ContainerAttachOptions) {
        calls.push(['attach', reference, options]);
        return attach();
      },
      async logs(context, reference, options) {
        calls.push(['logs', reference, options]);
        return follow(stored.log, context.signal, options.follow);
      },
      size: async () => ({ writable: 1, root: 2 }),
      execs: {
        async create(_context, reference, config) {
          find(reference);
          const id = String(stored.execs.length).padStart(64, 'e');
          stored.execs.push({
            id,
            containerId: find(reference).id,
            config,
            running: false,
            exitCode: null,
            pid: 0,
          });
          return id;
        },
        get(id) {
          const found = stored.execs.find((exec) => exec.id === id);
          if (found === undefined) throw notFound(`No such exec instance: ${id}`);
          return found;
        },
        async start(_context, id, options: ExecStartOptions) {
          calls.push(['exec start', id, options]);
          return options.detach ? undefined : attach();
        },
        resize: async (_context, id, size) => void calls.push(['exec resize', id, size]),
      },
    },
    images: {
      get: findImage,
      find: (name) =>
        stored.images.find(
          (one) => one.id === name || one.tags.includes(name) || one.tags.includes(`${name}:latest`),
        ),
      list: () => stored.images,
      tag: async (_context, source, target) => void calls.push(['tag', findImage(source).id, target]),
      remove: async (_context, name) => [{ Untagged: name }, { Deleted: findImage(name).id }],
      async load(_context, archive) {
        await consume(archive);
        if (engine.uploaded === 0) throw conflict('invalid tar header');
        return [{ reference: 'busybox:latest', id: image().id }];
      },
      async import(_context, tar, options) {
        calls.push(['import', options]);
        await consume(tar);
        return image();
      },
      async pull(_context, reference, options) {
        calls.push(['pull', reference, options]);
        if (reference.includes('missing')) throw notFound(`manifest for ${reference} not found`);
        options.onFound?.();
        const layer = image().id;
        options.onLayer?.({ layer, step: 'found', current: 0, total: 4 });
        options.onLayer?.({ layer, step: 'receiving', current: 2, total: 4 });
        options.onLayer?.({ layer, step: 'unpacked', current: 4, total: 4 });
        if (reference.includes('broken')) throw new Error('the connection broke');
        return { image: image(), digest: image().id, reference, isNew: !reference.includes('known') };
      },
      remoteTags: async () => ['1', '2'],
      history: () => [
        { id: image().id, created: undefined, createdBy: 'CMD', size: 0, comment: '', tags: [] },
      ],
    },
    networks: {
      start: async () => {},
      stop: async () => {},
      list: () => stored.networks,
      get(reference) {
        const found = stored.networks.find(({ name, id }) => name === reference || id === reference);
        if (found === undefined) throw notFound(`network ${reference} not found`);
        return found;
      },
      connect: () => Promise.reject(new Error('the API connects nothing')),
      disconnect: async () => {},
      explainStart: () => undefined,
      hostGateway: () => '172.17.0.1',
    },
    volumes: {
      async create(_context, request) {
        const volume = {
          ...request,
          mountpoint: `/volumes/${request.name}`,
          created: new Date(0),
          anonymous: false,
        };
        stored.volumes.push(volume);
        return volume;
      },
      get(name) {
        const found = stored.volumes.find((volume) => volume.name === name);
        if (found === undefined) throw notFound(`get ${name}: no such volume`);
        return found;
      },
      list: () => stored.volumes,
      async remove(_context, name) {
        engine.volumes.get(name);
        stored.volumes = stored.volumes.filter((volume) => volume.name !== name);
      },
    },
    events: {
      subscribe: (context, range) => follow(stored.events, context.signal, range.until === undefined),
    },
    system: { facts: async () => facts },
  };
  return engine;
}

/** What is stored, and then nothing until the reader gives up. */
async function* follow<T>(stored: readonly T[], signal: AbortSignal, forever: boolean): AsyncGenerator<T> {
  yield* stored;
  if (!forever) return;
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
}
