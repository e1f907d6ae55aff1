import { describe, expect, test } from 'bun:test';
import { background, type Context } from '../../base/context.ts';
import { openDatabase } from '../../base/database.ts';
import { Slots } from '../../base/slots.ts';
import type { LayerLease } from '../../images/contract.ts';
import { type Digest, digestOf } from '../../oci/digest.ts';
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
      key: async (step: Step) => [step.operation, inputIdentities(step)],
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

function directory(path: string, inputs: Vertex[] = [scratch], ignoresCache = false): Vertex {
  return makeVertex({ kind: 'directory', path, mode: 0o755, owner: '' }, inputs, { ...note, ignoresCache });
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
