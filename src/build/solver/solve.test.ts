import { describe, expect, test } from 'bun:test';
import { background, type Context } from '../../base/context.ts';
import { openDatabase } from '../../base/database.ts';
import { Slots } from '../../base/slots.ts';
import type { LayerLease } from '../../images/contract.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
import type { ImportedStep } from '../cache/remote/imported-caches.ts';
import { makeVertex, type Operation, type Vertex } from '../definition/vertex.ts';
import { buildSchema } from '../schema.ts';
import { InFlight } from './in-flight.ts';
import type { LayersResult, Result } from './result.ts';
import { inputIdentities, Solver } from './solve.ts';
import type { Step, StepMakers } from './step.ts';
import { StepCache } from './step-cache.ts';
import type { StandIn } from './step-lookup.ts';

const layerOf = (text: string): Digest => digestOf(Buffer.from(text));

/** Steps of paper: a directory's path says what its layer is. */
class Workshop {
  readonly made: string[] = [];
  readonly here = new Set<Digest>();
  readonly held = new Set<Digest>();
  readonly used = new Set<Digest>();
  standIn: StandIn | undefined;
  /** What a cache elsewhere has, by key. */
  imports: Map<Digest, ImportedStep> | undefined;
  /** Told when a filesystem is looked into for a key. */
  looked = 0;
  sourceDate: number | undefined;
  readonly cache = new StepCache(openDatabase(':memory:', [buildSchema]));
  readonly #inFlight = new InFlight({ leaseLayers: () => this.#lease() });
  work: (path: string, context: Context) => Promise<void> = async () => {};

  solver(context: Context = background()): Solver {
    const parts = {
      makers: this.#makers(),
      cache: this.cache,
      snapshots: { hasLayer: async (layer: Digest) => this.here.has(layer) },
      slots: new Slots(() => 2),
      inFlight: this.#inFlight,
      layerSize: async () => 10,
      openShell: async () => {},
      emptyLayer: async () => layerOf('empty'),
    };
    const surroundings = { sourceDate: this.sourceDate } as Step['surroundings'];
    const lease = this.#lease();
    return new Solver(context, parts, {
      ...{ surroundings, lease, listener: {}, uses: this.used, standIn: this.standIn, debug: undefined },
      imports: this.imports && { find: async (_context, key) => this.imports?.get(key) },
    });
  }

  #lease(): LayerLease {
    return { hold: (layer) => this.held.add(layer), [Symbol.dispose]: () => {} };
  }

  #makers(): StepMakers {
    const scratch = {
      key: async () => undefined,
      make: async (): Promise<Result> => ({ kind: 'layers', layers: [] }),
    };
    const directory = {
      key: async (step: Step<Extract<Operation, { kind: 'directory' }>>) => {
        if (step.operation.owner !== '') this.looked++;
        for (const input of step.inputs) if (input.kind === 'layers') await input.bring?.();
        return [step.operation, inputIdentities(step)];
      },
      quickKey: (step: Step<Extract<Operation, { kind: 'directory' }>>) =>
        step.operation.owner === '' ? undefined : ['quick', step.operation, inputIdentities(step)],
      make: async ({ context, operation }: Step<Extract<Operation, { kind: 'directory' }>>) => {
        await this.work(operation.path, context);
        this.made.push(operation.path);
        this.here.add(layerOf(operation.path));
        return { kind: 'added', layers: [layerOf(operation.path)] } as const;
      },
    };
    return { scratch, directory } as unknown as StepMakers;
  }
}

const note = { name: '[1/1] X', ignoresCache: false };
const scratch = makeVertex({ kind: 'scratch' }, [], note);

function directory(path: string, inputs: Vertex[] = [scratch], ignoresCache = false, owner = ''): Vertex {
  return makeVertex({ kind: 'directory', path, mode: 0o755, owner }, inputs, { ...note, ignoresCache });
}

describe('the solver', () => {
  test('makes each vertex once, on top of its first input, and holds what it makes', async () => {
    const shop = new Workshop();
    const base = directory('a');
    const top = directory('d', [directory('b', [base]), directory('c', [base])]);
    expect(await shop.solver().solve(top)).toEqual({ kind: 'layers', layers: ['a', 'b', 'd'].map(layerOf) });
    expect(shop.made.sort()).toEqual(['a', 'b', 'c', 'd']);
    expect([...shop.held].sort()).toEqual(['a', 'b', 'c', 'd'].map(layerOf).sort());
  });

  test('looks up what was made before, but not where it is told not to, nor what has gone', async () => {
    const shop = new Workshop();
    await shop.solver().solve(directory('b', [directory('a')]));
    await shop.solver().solve(directory('c', [directory('b', [directory('a')])]));
    expect(shop.made).toEqual(['a', 'b', 'c']);
    expect([...shop.cache.list()].map(({ uses }) => uses)).toEqual([1, 1, 0]);
    await shop.solver().solve(directory('a', [scratch], true));
    expect(shop.made).toEqual(['a', 'b', 'c', 'a']);
    shop.here.delete(layerOf('a'));
    await shop.solver().solve(directory('a'));
    expect(shop.made).toEqual(['a', 'b', 'c', 'a', 'a']);
  });

  test('finds only what was made at the same time where one stands for now', async () => {
    const shop = new Workshop();
    for (const date of [undefined, 1, 1, 2, undefined]) {
      shop.sourceDate = date;
      await shop.solver().solve(directory('a'));
    }
    expect(shop.made).toHaveLength(3);
  });

  test('asks what stands in for the cache instead of it', async () => {
    const shop = new Workshop();
    const [base, top] = [layerOf('base'), layerOf('top')];
    shop.here.add(base);
    shop.standIn = async ({ operation }, _key, below) => {
      if (operation.kind !== 'directory') return undefined;
      const layer = operation.path === 'a' ? base : below[0] === base ? top : undefined;
      return layer && { layers: [layer], created: undefined };
    };
    const { layers } = (await shop.solver().solve(directory('b', [directory('a')]))) as LayersResult;
    expect([layers, shop.made]).toEqual([[base, layerOf('b')], ['b']]);
  });

  test('takes from elsewhere what is not here, and brings it when it is used', async () => {
    const first = new Workshop();
    const base = directory('a');
    const top = directory('b', [base], false, 'somebody');
    const solver = first.solver();
    await solver.solve(top);
    const brought: string[] = [];
    const second = new Workshop();
    second.imports = new Map();
    for (const [name, vertex] of [
      ['a', base],
      ['b', top],
    ] as const) {
      const { key, quickKey, made, created } = await solver.solution(vertex);
      const bring = async (): Promise<void> => {
        brought.push(name);
        for (const layer of made) second.here.add(layer);
      };
      for (const each of [key, quickKey]) {
        if (each !== undefined) second.imports.set(each, { layers: made, created, bring });
      }
    }
    const own = second.solver();
    const result = await own.solve(top);
    // Nothing was looked into: by the quicker key it was known before.
    expect([second.made, second.looked, brought, [...second.cache.list()]]).toEqual([[], 0, [], []]);
    if (result.kind === 'layers') await Promise.all([result.bring?.(), result.bring?.()]);
    expect(brought.sort()).toEqual(['a', 'b']);
    second.imports = undefined;
    await second.solver().solve(directory('c', [top]));
    expect([second.made, second.looked]).toEqual([['c'], 0]);
    const [one] = second.cache.list();
    expect(one?.created).toEqual((await solver.solution(base)).created as Date);
  });

  test('makes independent vertices at the same time, as many as may be', async () => {
    const shop = new Workshop();
    let running = 0;
    let most = 0;
    shop.work = async () => {
      most = Math.max(most, ++running);
      await Bun.sleep(5);
      running--;
    };
    await shop.solver().solve(
      directory(
        'all',
        ['a', 'b', 'c', 'd'].map((path) => directory(path)),
      ),
    );
    expect(most).toBe(2);
  });

  test('makes a step that two builds want at the same moment once', async () => {
    const shop = new Workshop();
    shop.work = () => Bun.sleep(5);
    await Promise.all([shop.solver().solve(directory('a')), shop.solver().solve(directory('a'))]);
    expect(shop.made).toEqual(['a']);
  });

  test('ends everything with the first failure', async () => {
    const shop = new Workshop();
    let ended = false;
    shop.work = async (path, { signal }) => {
      if (path === 'bad') throw new Error('broken');
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const slow = directory('slow');
    const solving = shop.solver().solve(directory('all', [slow, directory('bad')]));
    await expect(solving.finally(() => (ended = true))).rejects.toThrow('broken');
    expect(ended).toBe(true);
    expect(shop.made).toEqual([]);
    expect([...shop.cache.list()]).toEqual([]);
  });
});
