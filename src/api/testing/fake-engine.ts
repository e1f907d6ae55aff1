import { notFound, SampanError } from '../../base/errors.ts';
import type { EngineEvent } from '../../base/events.ts';
import type { CacheRecord } from '../../build/contract.ts';
import type {
  Container,
  ContainerAttachOptions,
  CreateRequest,
  Exec,
  ExecStartOptions,
  StatsSample,
} from '../../containers/contract.ts';
import type { Engine } from '../../engine/contract.ts';
import type { Image, ImageManifests } from '../../images/contract.ts';
import { type Network, predefinedNetworks } from '../../network/contract.ts';
import { NameTable } from '../../network/names.ts';
import type { Volume } from '../../volumes/contract.ts';
import { FakeAttachment } from './fake-attachment.ts';
import { fakeContainerFiles } from './fake-container-files.ts';
import { fakeDirectories } from './fake-directories.ts';
import { fakeImages } from './fake-images.ts';
import { fakeVolumes } from './fake-volumes.ts';
import { container, facts, image, imageId, network } from './samples.ts';

/** What the API asked for, and what there is. */
export interface FakeState {
  readonly calls: [name: string, ...values: unknown[]][];
  readonly stored: {
    containers: Container[];
    images: Image[];
    manifests: ImageManifests;
    networks: Network[];
    volumes: Volume[];
    execs: Exec[];
    events: EngineEvent[];
    log: Uint8Array[];
  };
  /** Bytes that were uploaded. */
  uploaded: number;
}

/** An engine that only remembers. */
export interface FakeEngine extends Engine, Readonly<FakeState> {
  readonly attachments: FakeAttachment[];
  /** Ends what waits for an exit. */
  exit(code: number): void;
  statsSamples: StatsSample[];
}

export function createFakeEngine(): FakeEngine {
  const exited = Promise.withResolvers<{ code: number; error: string }>();
  const calls: FakeEngine['calls'] = [];
  let kept: ReadonlyMap<string, Uint8Array> = new Map();
  const stored: FakeEngine['stored'] = {
    containers: [container()],
    images: [image()],
    manifests: { target: undefined, manifests: [] },
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
  const attach = (): FakeAttachment => {
    const attachment = new FakeAttachment();
    attachments.push(attachment);
    return attachment;
  };
  const state: FakeState = { calls, stored, uploaded: 0 };
  const engine: FakeEngine = {
    ...{ calls, stored, attachments },
    get uploaded() {
      return state.uploaded;
    },
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
      connect: async (_context, reference, network, settings) =>
        void calls.push(['connect', reference, network, settings]),
      disconnect: async (_context, reference, network, options) =>
        void calls.push(['disconnect', reference, network, options]),
      async update(_context, reference, change) {
        calls.push(['update', reference, change]);
        return { warnings: [], changes: [] };
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
      ...fakeContainerFiles(state, find),
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
    images: fakeImages(state),
    networks: {
      start: async () => {},
      stop: async () => {},
      list: () => stored.networks,
      get(reference) {
        const found = stored.networks.find(({ name, id }) => name === reference || id === reference);
        if (found === undefined) throw notFound(`network ${reference} not found`);
        return found;
      },
      async create(_context, request) {
        calls.push(['network create', request]);
        return { id: 'f'.repeat(64), warning: '' };
      },
      remove: async (_context, reference) => void calls.push(['network remove', reference]),
      async prune(_context, filter) {
        const own = stored.networks.filter(({ name }) => !predefinedNetworks.has(name));
        return own.filter(filter).map(({ name }) => name);
      },
      names: new NameTable(),
      dns: {
        serves: () => false,
        startPlan: () => ({}),
        settings: () => new Uint8Array(),
        redirect: async () => {},
      },
      connect: () => Promise.reject(new Error('the API connects nothing')),
      disconnect: async () => {},
      join: () => Promise.reject(new Error('the API joins nothing')),
      leave: async () => {},
      reroute: async () => {},
      mend: async () => [],
      publishPlan: () => ({}),
      planPorts: ({ from, to }) => ({
        ...{ from, to, plans: [], planBefore: {} },
        apply: async () => {},
        revert: async () => {},
        commit: () => {},
        cancel: () => {},
      }),
      abandon: () => {},
      rename: () => {},
      relink: async (_context, endpoint) => endpoint,
      explainStart: () => undefined,
      hostGateway: () => '172.17.0.1',
      reachOf: async () => new Map(),
    },
    volumes: fakeVolumes(stored),
    events: {
      subscribe: (context, range) => follow(stored.events, context.signal, range.until === undefined),
    },
    system: { facts: async () => facts },
    registries: {
      async authenticate(_context, address, credentials) {
        calls.push(['authenticate', address, credentials]);
        if (credentials.password === 'wrong') {
          throw new SampanError('unauthenticated', 'unauthorized: incorrect username or password');
        }
        return { status: 'Login Succeeded', identityToken: 'token' };
      },
      async search(_context, term, options) {
        calls.push(['search', term, options]);
        return [
          { name: 'debian', description: 'an OS', stars: 50, official: true },
          { name: 'mine/debian', description: '', stars: 0, official: false },
        ];
      },
      async describe(_context, reference, credentials) {
        calls.push(['describe', reference, credentials]);
        return {
          descriptor: { mediaType: 'a/b', digest: imageId, size: 3 },
          platforms: [{ os: 'linux', architecture: 'amd64', 'os.features': ['x'] }],
          bytes: new Uint8Array(3),
        };
      },
    },
    builder: {
      async build(_context, request, listener) {
        calls.push(['build', request]);
        listener.onTranscript?.({ type: 'instruction', number: 1, total: 1, text: 'FROM scratch' });
        if (request.target === 'bad') throw new SampanError('not-found', 'no such stage');
        const made = { id: imageId, isNew: true };
        return { images: request.platforms.map((platform) => ({ platform, ...made })), warnings: [] };
      },
      checkLimits({ memory }) {
        if (memory < 0) throw new SampanError('invalid-argument', 'Minimum memory limit allowed is 6MB');
      },
      cancel: (id) => calls.push(['cancel', id]),
      inquire: async (_context, request, question) => {
        calls.push(['inquire', question, request.dockerfile]);
        return { json: { asked: question }, text: `about ${question}\n`, status: 0 };
      },
      async openContext(context, source, dockerfile) {
        calls.push(['openContext', dockerfile]);
        const opened = await engine.builder.openTree(context, source);
        return { ...opened, dockerfile: 'FROM scratch', filename: 'Dockerfile' };
      },
      async openTree(_context, source) {
        if (source.kind !== 'remote') for await (const _ of source.tar);
        return { tree: noFiles, [Symbol.dispose]: () => calls.push(['closeContext']) };
      },
      async contextPaths(_context, { dockerfile, namedContexts }) {
        calls.push(['contextPaths', dockerfile, namedContexts]);
        return dockerfile === 'FROM all' ? undefined : ['a'];
      },
      async compareContext(key, listings, isPart) {
        calls.push(['compareContext', key, listings, isPart]);
        return { id: 'compared', unknown: [0] };
      },
      listContext(id, listings) {
        calls.push(['listContext', id, listings.map(String)]);
        return [1];
      },
      upload: async () => 'uploaded',
      takeUpload: () => ({ tree: noFiles, [Symbol.dispose]: () => calls.push(['closeContext']) }),
      keepSecrets(secrets) {
        calls.push(['keepSecrets', [...secrets.keys()]]);
        kept = secrets;
        return 'kept';
      },
      takeSecrets(id) {
        if (id !== 'kept') throw new SampanError('not-found', 'no such secrets');
        return kept;
      },
      async runShell(_context, id, { args, env, user, workingDirectory, terminal, onOutput }) {
        if (id !== 'kept') throw new SampanError('not-found', `no such shell: ${id}`);
        calls.push(['runShell', id, args, env, user, workingDirectory, terminal.rows, terminal.columns]);
        terminal.onStarted?.(async () => {});
        await onOutput(Buffer.from('runs\r\n'));
        for await (const typed of terminal.input) {
          await onOutput(typed);
          break;
        }
        return 0;
      },
      resizeShell: async (id, rows, columns) => void calls.push(['resizeShell', id, rows, columns]),
      directories: fakeDirectories(calls),
      mounts: {
        async export(_context, name) {
          if (name === 'missing') throw new SampanError('not-found', 'no such cache mount: missing');
          return bytesOf(`tar of ${name}`);
        },
        async import(_context, name, tar) {
          calls.push(['importMount', name, Buffer.concat(await Array.fromAsync(tar)).toString()]);
          return 'imported';
        },
      },
      cache: async () => [cacheRecord],
      async prune(_context, options) {
        calls.push(['pruneCache', options, options.filter(cacheRecord)]);
        return { deleted: [cacheRecord.id], bytes: 5 };
      },
    },
    buildkit: {
      async serve(_context, connection) {
        calls.push(['buildkit']);
        connection.finish();
      },
      async build(_context, request, onStatus) {
        calls.push(['buildkit build', request]);
        onStatus(Buffer.from('status'));
        return { imageId };
      },
      async openSession(_context, connection, facts) {
        calls.push(['buildkit session', facts]);
        connection.finish();
      },
    },
    storage: {
      async usage(context, kinds) {
        calls.push(['usage', [...kinds]]);
        const { id } = container();
        return {
          images: kinds.has('image') ? await engine.images.usage(context) : undefined,
          containers: kinds.has('container') ? new Map([[id, { writable: 5, root: 95 }]]) : undefined,
          volumes: kinds.has('volume') ? new Map([['data', { bytes: 7, users: 0 }]]) : undefined,
          buildCache: kinds.has('build-cache') ? await engine.builder.cache() : undefined,
        };
      },
      volumeBytes: async () => 7,
    },
  };
  return engine;
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array, void, void> {
  yield Buffer.from(text);
}

const noFiles: Awaited<ReturnType<Engine['builder']['openTree']>>['tree'] = {
  digest: imageId,
  stat: async () => undefined,
  names: async () => [],
  async *list() {},
  async *read() {},
};

const cacheRecord: CacheRecord = {
  ...{
    id: 'a1b2c3',
    parents: ['d4e5f6'],
    type: 'regular',
    description: 'RUN make',
    inUse: false,
    shared: true,
  },
  ...{ size: 5, created: new Date('2026-01-02T03:04:05Z'), lastUsed: undefined, uses: 0 },
};

/** What is stored, and then nothing until the reader gives up. */
async function* follow<T>(stored: readonly T[], signal: AbortSignal, forever: boolean): AsyncGenerator<T> {
  yield* stored;
  if (!forever) return;
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
}
