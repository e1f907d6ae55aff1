import { expect, test } from 'bun:test';
import { background, type Context } from '../../base/context.ts';
import { notFound } from '../../base/errors.ts';
import { MOUNT_ATTR_RDONLY } from '../../plan/constants.ts';
import { Harness, settle } from '../testing/harness.ts';

function abortable(): { readonly context: Context; readonly abort: () => void } {
  const controller = new AbortController();
  const context = { ...background(), signal: controller.signal };
  return { context, abort: () => controller.abort(new Error('given up')) };
}

const kinds = (harness: Harness) => harness.trees.sources.map(({ kind }) => kind);

test('the files of a running container are those of its process', async () => {
  using harness = new Harness();
  const id = await harness.run();
  await harness.containers.statPath(harness.context, id, '/');
  expect(harness.trees.sources).toEqual([
    { kind: 'process', pid: harness.runtime.task(id).pid, bare: false },
  ]);
  expect(harness.trees.opened).toBe(0);
});

test('the files of a stopped container are mounted, volumes with them', async () => {
  using harness = new Harness();
  const hostConfig = { Binds: ['/etc:/a/b:ro', 'data:/a'], ReadonlyRootfs: true };
  const { id } = await harness.create({ hostConfig });
  await harness.containers.statPath(harness.context, id, '/');
  const source = harness.trees.sources.at(-1);
  const steps = source?.kind === 'mounted' ? source.operations : [];
  expect(steps.map((step) => ('path' in step ? `${step.op} ${step.path}` : step.op)).slice(1)).toEqual([
    'bind /a',
    'bind /a/b',
    'setAttributes /',
  ]);
  expect(steps[1]).toMatchObject({ sourcePath: harness.get(id).mounts[1]?.source, set: 0 });
  expect(steps[2]).toMatchObject({ sourcePath: '/etc', set: MOUNT_ATTR_RDONLY });
});

test('an export is of the root alone, running or not', async () => {
  using harness = new Harness();
  const { id } = await harness.create({ hostConfig: { Binds: ['/etc:/a'] } });
  await Array.fromAsync(await harness.containers.export(harness.context, id));
  await harness.containers.start(harness.context, id);
  await Array.fromAsync(await harness.containers.export(harness.context, id));
  expect(harness.trees.sources).toMatchObject([
    { kind: 'mounted', operations: [] },
    { kind: 'process', bare: true },
  ]);
});

test('a process that ends while its root is opened is not believed', async () => {
  using harness = new Harness();
  const id = await harness.run();
  harness.trees.onOpen = ({ kind }) => {
    if (kind === 'process') harness.runtime.task(id).end(0);
  };
  await harness.containers.statPath(harness.context, id, '/');
  expect(kinds(harness)).toContain('mounted');
  expect(kinds(harness).at(-1)).toBe('mounted');
  expect(harness.trees.opened).toBe(0);
});

test('a process without a root is about to be gone: then the container has stopped', async () => {
  using harness = new Harness();
  const id = await harness.run();
  harness.trees.onOpen = ({ kind }) => {
    if (kind !== 'process') return;
    // Its supervisor has not noticed yet.
    setTimeout(() => harness.runtime.task(id).end(0), 5);
    throw notFound('no such process');
  };
  await harness.containers.statPath(harness.context, id, '/');
  expect(kinds(harness)).toEqual(['process', 'mounted']);
});

test('a stopped container starts when the copy is done', async () => {
  using harness = new Harness();
  const { id } = await harness.create();
  const { tar } = await harness.containers.readPath(harness.context, id, '/');
  const starting = harness.containers.start(harness.context, id);
  await settle();
  expect(harness.get(id).state.status).toBe('created');
  await Array.fromAsync(tar);
  await starting;
  expect(harness.get(id).state.status).toBe('running');
});

test('a container starts again when what holds its last run is done', async () => {
  using harness = new Harness();
  const id = await harness.run();
  const { tar } = await harness.containers.readPath(harness.context, id, '/');
  await harness.end(id, 0);
  const starting = harness.containers.start(harness.context, id);
  await settle();
  expect(harness.get(id).state.status).toBe('exited');
  await Array.fromAsync(tar);
  await starting;
  expect(harness.get(id).state.status).toBe('running');
});

test('an archive that nobody reads is closed when its operation is given up', async () => {
  using harness = new Harness();
  const { id } = await harness.create();
  const { context, abort } = abortable();
  await harness.containers.readPath(context, id, '/');
  expect(harness.trees.opened).toBe(1);
  abort();
  await harness.containers.start(harness.context, id);
  expect(harness.trees.opened).toBe(0);
});

test('an archive that is read in part is closed', async () => {
  using harness = new Harness();
  const { id } = await harness.create();
  for await (const _ of await harness.containers.export(harness.context, id)) break;
  expect(harness.trees.opened).toBe(0);
});

test('a path that is not there leaves nothing open', async () => {
  using harness = new Harness();
  const id = await harness.run();
  const message = `Could not find the file /none in container ${id}`;
  for (const verb of ['statPath', 'readPath'] as const) {
    await expect(harness.containers[verb](harness.context, id, '/none')).rejects.toMatchObject({
      code: 'not-found',
      message,
    });
  }
  expect(harness.trees.opened).toBe(0);
});
